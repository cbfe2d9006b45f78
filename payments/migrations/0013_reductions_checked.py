"""Check what 0012 added, beside whoever writes to the inbox meanwhile."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0012_erasure")]

    operations = [
        ValidateConstraint(model_name="stripeevent", name="stripeevent_reduced_known"),
    ]
