"""A payment's transactions are all of its own, as the bridge counts them: the one that it names, else
the first of its source, and what a capture of less than was authorised released."""

from importlib import import_module

from django.db import migrations

before = import_module("analyticsapp.migrations.0006_exports")
NAME = "fact_payments"
WAS = """LEFT JOIN payments_balancetransaction AS settled ON settled.id = charge.balance_transaction_id
"""
NOW = """LEFT JOIN LATERAL (
    SELECT own.currency, own.amount + coalesce(released.amount, 0) AS amount,
        own.fee + coalesce(released.fee, 0) AS fee
    FROM (
        SELECT * FROM payments_balancetransaction WHERE id = charge.balance_transaction_id
        UNION ALL
        (
            SELECT * FROM payments_balancetransaction
            WHERE charge.balance_transaction_id IS NULL AND charge.captured_at IS NOT NULL
                AND source = charge.id AND reporting_category = 'charge'
            ORDER BY created, id LIMIT 1
        )
    ) AS own
    LEFT JOIN LATERAL (
        SELECT sum(part.amount)::bigint AS amount, sum(part.fee)::bigint AS fee
        FROM payments_balancetransaction AS part
        WHERE charge.amount_captured < charge.amount AND part.currency = own.currency
            AND part.reporting_category = 'partial_capture_reversal'
            AND part.id IN (
                SELECT refund.balance_transaction_id FROM payments_refund AS refund
                WHERE refund.charge_id = charge.id
                UNION ALL
                SELECT named.id FROM payments_refund AS refund
                JOIN payments_balancetransaction AS named ON named.source = refund.id
                WHERE refund.charge_id = charge.id AND refund.balance_transaction_id IS NULL
            )
    ) AS released ON true
) AS settled ON true
"""


def view(sql: str) -> str:
    return f"CREATE OR REPLACE VIEW bi.{NAME} AS {sql}"


class Migration(migrations.Migration):
    dependencies = [
        ("analyticsapp", "0010_cohorts_and_days_that_add_up"),
        ("payments", "0011_ids_of_one_collation"),
    ]

    operations = [
        migrations.RunSQL(
            view(before.VIEWS[NAME].replace(WAS, NOW)),
            view(before.VIEWS[NAME]),
        ),
    ]

    assert WAS in before.VIEWS[NAME]
