import importlib

from django.db import migrations, models
from django.db.models.functions import Coalesce

# A refund that released a part of an authorisation moved no captured money. It names no balance
# transaction, or one of its own category. A refund of just that amount whose transaction isn't here
# yet may be either: it counts from when the transaction says so, since an order would be canceled
# by the other mistake.
COUNTED = """
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
    AND NOT CASE
        WHEN moved.id IS NULL THEN
            charge.amount_captured < charge.amount
            AND refund.amount = charge.amount - charge.amount_captured
        ELSE moved.reporting_category = 'partial_capture_reversal'
    END
"""

# What may still be refunded is told with more caution: there, what may be either was refunded.
RELEASED = """
        AND NOT (
            refund.balance_transaction_id IS NULL
            AND charge.amount_captured < charge.amount
            AND refund.amount = charge.amount - charge.amount_captured
        )
"""
RELEASED_EITHER_WAY = RELEASED + """\
        AND NOT EXISTS (
            SELECT FROM payments_balancetransaction AS moved
            WHERE moved.id = refund.balance_transaction_id
                AND moved.reporting_category = 'partial_capture_reversal'
        )
"""

before = {
    name: importlib.import_module(f"payments.migrations.{name}")
    for name in ("0002_counted_refund", "0004_refund_requests")
}
COUNTED_BEFORE = before["0002_counted_refund"].SQL
REFUNDABLE_BEFORE = before["0004_refund_requests"].REFUNDABLE
assert RELEASED in REFUNDABLE_BEFORE
REFUNDABLE = REFUNDABLE_BEFORE.replace(RELEASED, RELEASED_EITHER_WAY)
DROP = "DROP VIEW payments_counted_refund; DROP VIEW payments_refundable"


def payment(**collation: str) -> models.GeneratedField:
    return models.GeneratedField(
        db_persist=True,
        expression=Coalesce("payment_intent", "id"),
        output_field=models.CharField(max_length=255, **collation),
    )


class Migration(migrations.Migration):
    dependencies = [("payments", "0009_ambiguous_and_kinds")]

    operations = [
        migrations.RunSQL(DROP, f"{COUNTED_BEFORE}; {REFUNDABLE_BEFORE}"),
        # The views stand on the column, and Django alters no generated one. The table isn't
        # rewritten by this, only its index.
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    'ALTER TABLE payments_charge ALTER payment TYPE varchar(255) COLLATE "C"',
                    "ALTER TABLE payments_charge ALTER payment TYPE varchar(255)",
                )
            ],
            [
                migrations.AlterField(
                    model_name="charge", name="payment", field=payment(db_collation="C")
                )
            ],
        ),
        migrations.RunSQL(f"{COUNTED}; {REFUNDABLE}", DROP),
    ]
