"""The star schema as read-only views in a schema of its own, and who may take which export.

Days are those of the snapshots: of the time zone that they were counted in. Nothing here tells who
somebody is, so that a role may be given the whole schema.
"""

from django.db import migrations, models

# https://docs.stripe.com/currencies, as they stood when the views were made; a test compares.
ZERO_DECIMAL = (
    "'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', "
    "'xof', 'xpf'"
)
THREE_DECIMAL = "'bhd', 'jod', 'kwd', 'omr', 'tnd'"


def money(minor, name, currency):
    """The amount in minor units, and with the currency's decimals."""
    return (
        f"{minor} AS {name}_minor, {minor} * CASE WHEN {currency} IN ({ZERO_DECIMAL}) THEN 1. "
        f"WHEN {currency} IN ({THREE_DECIMAL}) THEN 0.001 ELSE 0.01 END AS {name}"
    )


def moment(at, name):
    """The day and the moment."""
    return f"({at} AT TIME ZONE clock.time_zone)::date AS {name}_day, {at} AS {name}_at"


VIEWS = {
    "watermark": """
SELECT coalesce(nullif(max(time_zone), ''), 'UTC')::text AS time_zone,
    max(refreshed_at) AS figures_as_of
FROM analyticsapp_snapshotstate
""",
    "dim_date": """
SELECT day::date AS day,
    extract(year FROM day)::integer AS year,
    to_char(day, 'YYYY-"Q"Q') AS quarter,
    to_char(day, 'YYYY-MM') AS month,
    to_char(day, 'IYYY-"W"IW') AS week,
    extract(isodow FROM day)::integer AS weekday,
    extract(isodow FROM day) > 5 AS weekend
FROM (
    SELECT date_trunc('year', least(
        (SELECT min(placed_at) FROM orders_order),
        (SELECT min(created) FROM payments_charge),
        (SELECT min(created) FROM payments_customer),
        now()
    ) AT TIME ZONE clock.time_zone) AS first,
    date_trunc('year', now() AT TIME ZONE clock.time_zone) + interval '1 year - 1 day' AS last
    FROM bi.watermark AS clock
) AS span CROSS JOIN generate_series(span.first, span.last, interval '1 day') AS day
""",
    "dim_customer": f"""
SELECT customer.id AS customer_id, customer.stripe_customer_id::text AS stripe_customer,
    {moment("customer.created_at", "known")}
FROM orders_customer AS customer CROSS JOIN bi.watermark AS clock
WHERE customer.same_as_id IS NULL
""",
    "dim_product": """
SELECT id AS product_id, sku::text, name, stripe_product_id::text AS stripe_product, active, stock
FROM orders_product
""",
    "fact_orders": f"""
SELECT placed.id AS order_id, placed.number::text,
    coalesce(buyer.same_as_id, buyer.id) AS customer_id,
    {moment("placed.placed_at", "placed")}, {moment("placed.paid_at", "paid")},
    {moment("placed.fulfilled_at", "fulfilled")}, {moment("placed.canceled_at", "canceled")},
    placed.status::text, placed.refund_status::text, placed.source::text, placed.currency::text,
    {money("placed.total_minor", "total", "placed.currency")},
    {money("placed.subtotal_minor", "subtotal", "placed.currency")},
    {money("placed.discount_minor", "discount", "placed.currency")},
    {money("placed.tax_minor", "tax", "placed.currency")},
    {money("placed.shipping_minor", "shipping", "placed.currency")},
    {money("placed.captured_minor", "captured", "placed.currency")},
    {money("placed.refunded_minor", "refunded", "placed.currency")}
FROM orders_order AS placed
CROSS JOIN bi.watermark AS clock
LEFT JOIN orders_customer AS buyer ON buyer.id = placed.customer_id
""",
    "fact_order_lines": f"""
SELECT line.id AS order_line_id, line.order_id, line.product_id,
    coalesce(buyer.same_as_id, buyer.id) AS customer_id,
    {moment("placed.placed_at", "placed")}, {moment("placed.paid_at", "paid")},
    line.description, line.quantity, line.returned, placed.currency::text,
    {money("line.total_minor", "total", "placed.currency")}
FROM orders_orderline AS line
JOIN orders_order AS placed ON placed.id = line.order_id
CROSS JOIN bi.watermark AS clock
LEFT JOIN orders_customer AS buyer ON buyer.id = placed.customer_id
""",
    "fact_payments": f"""
SELECT charge.id::text AS charge, charge.payment::text, link.order_id,
    {moment("charge.created", "created")}, {moment("charge.captured_at", "captured")},
    charge.status::text, charge.payment_method_type::text AS method, charge.failure_code::text,
    EXISTS (
        SELECT FROM payments_dispute AS dispute
        WHERE dispute.charge_id = charge.id AND dispute.status NOT IN (
            'warning_needs_response', 'warning_under_review', 'warning_closed', 'prevented'
        )
    ) AS disputed,
    charge.currency::text,
    {money("charge.amount", "amount", "charge.currency")},
    {money("charge.amount_captured", "captured", "charge.currency")},
    settled.currency::text AS settlement_currency,
    {money("settled.amount", "settled", "settled.currency")},
    {money("settled.fee", "fee", "settled.currency")}
FROM payments_charge AS charge
CROSS JOIN bi.watermark AS clock
LEFT JOIN orders_orderpayment AS link ON link.payment = charge.payment
LEFT JOIN payments_balancetransaction AS settled ON settled.id = charge.balance_transaction_id
""",
    "fact_refunds": f"""
SELECT counted.id::text AS refund, counted.charge_id::text AS charge, link.order_id,
    {moment("counted.counted_at", "refunded")}, {moment("counted.returned_at", "returned")},
    refund.reason::text, counted.currency::text,
    {money("counted.amount", "amount", "counted.currency")}
FROM payments_counted_refund AS counted
JOIN payments_refund AS refund ON refund.id = counted.id
CROSS JOIN bi.watermark AS clock
LEFT JOIN orders_orderpayment AS link ON link.payment = counted.payment
""",
}


class Migration(migrations.Migration):
    dependencies = [
        ("analyticsapp", "0004_bridge_and_disputes"),
        ("orders", "0010_fulfilled_at_index"),
        ("payments", "0010_released_parts_are_no_refunds"),
    ]

    operations = [
        migrations.RunSQL("CREATE SCHEMA IF NOT EXISTS bi", "DROP SCHEMA bi"),
        *(
            migrations.RunSQL(f"CREATE VIEW bi.{name} AS {sql}", f"DROP VIEW bi.{name}")
            for name, sql in VIEWS.items()
        ),
        migrations.CreateModel(
            name="ExportPermission",
            fields=[("id", models.BigAutoField(primary_key=True, serialize=False))],
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": [
                    ("export_finance", "Can export the finance pack"),
                    ("export_operations", "Can export the operations pack"),
                    ("export_bi", "Can export the BI pack"),
                    ("export_personal_data", "Can have personal data in an export"),
                ],
            },
        ),
    ]
