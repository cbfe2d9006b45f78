from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0005_refunded_lines")]

    operations = [ValidateConstraint("orderline", "orderline_taken_within_quantity")]
