"""The bridge tells what was exchanged in two lines now, one on each side, so that days which were
counted before hold a line that nobody reads any more. The next refresh counts every day anew, as it
does after a change of the time zone."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("analyticsapp", "0011_payments_with_all_of_their_transactions"),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE analyticsapp_snapshotstate SET time_zone = ''", migrations.RunSQL.noop
        ),
    ]
