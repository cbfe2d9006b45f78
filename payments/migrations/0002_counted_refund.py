from django.db import migrations, models

SQL = """
CREATE VIEW payments_counted_refund AS
SELECT
    refund.id,
    refund.charge_id,
    charge.payment,
    refund.amount,
    refund.currency,
    coalesce(moved.created, refund.succeeded_at) AS counted_at,
    CASE
        WHEN refund.failed_at IS NOT NULL THEN coalesce(returned.created, refund.failed_at)
    END AS returned_at
FROM payments_refund AS refund
JOIN payments_charge AS charge ON charge.id = refund.charge_id
LEFT JOIN payments_balancetransaction AS moved ON moved.id = refund.balance_transaction_id
LEFT JOIN payments_balancetransaction AS returned
    ON returned.id = refund.failure_balance_transaction_id
WHERE refund.succeeded_at IS NOT NULL
    AND charge.captured_at IS NOT NULL
    AND charge.amount_captured > 0
    -- What a partial capture released moved no money, so it has no balance transaction.
    AND NOT (
        refund.balance_transaction_id IS NULL
        AND charge.amount_captured < charge.amount
        AND refund.amount = charge.amount - charge.amount_captured
    )
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.RunSQL(SQL, "DROP VIEW payments_counted_refund"),
        migrations.CreateModel(
            name="CountedRefund",
            fields=[
                ("id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("charge_id", models.CharField(max_length=255)),
                ("payment", models.CharField(max_length=255)),
                ("amount", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("counted_at", models.DateTimeField()),
                ("returned_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "payments_counted_refund",
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
