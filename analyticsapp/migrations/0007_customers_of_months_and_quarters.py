from django.db import migrations, models

# Everything is counted anew by the next refresh: the months and quarters are to be filled in.
COUNT_ANEW = """
INSERT INTO analyticsapp_dirtyday (day, created_at)
SELECT day, now() FROM analyticsapp_daysnapshot
UNION
SELECT day, now() FROM analyticsapp_windowday
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analyticsapp", "0006_exports"),
    ]

    operations = [
        migrations.RunSQL(COUNT_ANEW, migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="windowday", name="windowday_once"),
        migrations.RenameField(model_name="windowday", old_name="length", new_name="span"),
        migrations.AlterField(
            model_name="windowday",
            name="span",
            field=models.CharField(
                choices=[
                    ("7", "7 days"),
                    ("30", "30 days"),
                    ("90", "90 days"),
                    ("month", "the month, up to the day"),
                    ("quarter", "the quarter, up to the day"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="windowday",
            constraint=models.UniqueConstraint(
                fields=("day", "currency", "span"), name="windowday_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="windowday",
            constraint=models.CheckConstraint(
                condition=models.Q(("span__in", ["7", "30", "90", "month", "quarter"])),
                name="windowday_span_known",
            ),
        ),
    ]
