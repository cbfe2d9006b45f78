"""Check and index what 0003 added, beside whoever writes orders meanwhile."""

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0003_tracking_and_notes")]

    operations = [
        ValidateConstraint(model_name="order", name="order_tracked_once_fulfilled"),
        AddIndexConcurrently(
            model_name="order",
            index=models.Index(
                fields=["tracking_number"],
                name="order_tracking_number",
                condition=models.Q(("tracking_number", ""), _negated=True),
            ),
        ),
    ]
