"""The commercial ledger by day and currency, and by product."""

from __future__ import annotations

from analyticsapp.models import DaySnapshot, ProductDay
from analyticsapp.refunds import COUNTED, RETURNED, RefundDate
from analyticsapp.tables.table import SnapshotTable, Source, day_at, in_run
from payments.models import Dispute

CAPTURED = Source(
    f"""
    SELECT {day_at("captured_at")} AS n, currency,
        sum(amount_captured) AS gross_minor, count(*) AS payments
    FROM payments_charge
    WHERE {in_run("captured_at")}
    GROUP BY n, currency
    """,
    ("gross_minor", "payments"),
)

ATTEMPTED = Source(
    f"""
    SELECT {day_at("created")} AS n, currency, count(*) AS attempts,
        count(*) FILTER (WHERE status = 'failed' AND captured_at IS NULL) AS failures
    FROM payments_charge
    WHERE {in_run("created")}
    GROUP BY n, currency
    """,
    ("attempts", "failures"),
)

# By the charge's day, so that the rate has the payments of that day under it.
DISPUTED = Source(
    f"""
    SELECT {day_at("captured_at")} AS n, currency, count(*) AS disputed,
        sum(amount_captured) AS disputed_minor
    FROM payments_charge AS charge
    WHERE {in_run("captured_at")} AND EXISTS (
        SELECT FROM payments_dispute AS dispute
        WHERE dispute.charge_id = charge.id
            AND dispute.status NOT IN ({", ".join(map(repr, Dispute.MOVES_NO_MONEY))})
    )
    GROUP BY n, currency
    """,
    ("disputed", "disputed_minor"),
)


def refunds(date: RefundDate, sign: str) -> Source:
    """Refunds by one of their two dates."""
    return Source(
        f"""
        SELECT {day_at(date.moment)} AS n, currency,
            {sign} sum(amount) AS refunds_minor, {sign} count(*) AS refunds
        FROM payments_counted_refund
        WHERE {date.within(in_run)}
        GROUP BY n, currency
        """,
        ("refunds_minor", "refunds"),
    )


LEFT, CAME_BACK = refunds(COUNTED, ""), refunds(RETURNED, "-")

PAID = Source(
    f"""
    SELECT {day_at("paid_at")} AS n, currency,
        count(*) AS orders,
        sum(captured_minor) AS order_value_minor,
        count(*) FILTER (WHERE refunded_minor > 0) AS refunded_orders,
        coalesce(sum(discount_minor), 0) AS discounts_minor,
        count(*) FILTER (WHERE discount_minor IS NULL) AS discounts_unknown,
        coalesce(sum(tax_minor), 0) AS tax_minor,
        count(*) FILTER (WHERE tax_minor IS NULL) AS tax_unknown,
        coalesce(sum(shipping_minor), 0) AS shipping_minor,
        count(*) FILTER (WHERE shipping_minor IS NULL) AS shipping_unknown
    FROM orders_order
    WHERE {in_run("paid_at")}
    GROUP BY n, currency
    """,
    (
        "orders",
        "order_value_minor",
        "refunded_orders",
        "discounts_minor",
        "discounts_unknown",
        "tax_minor",
        "tax_unknown",
        "shipping_minor",
        "shipping_unknown",
    ),
)

BOUGHT = Source(
    f"""
    SELECT {day_at("paid_at")} AS n, currency, sum(line.quantity) AS units
    FROM orders_order JOIN orders_orderline AS line ON line.order_id = orders_order.id
    WHERE {in_run("paid_at")}
    GROUP BY n, currency
    """,
    ("units",),
)

FULFILLED = Source(
    f"""
    SELECT {day_at("fulfilled_at")} AS n, currency, count(*) AS fulfilled,
        sum(extract(epoch FROM fulfilled_at - paid_at)::bigint) AS fulfilment_seconds
    FROM orders_order
    WHERE {in_run("fulfilled_at")} AND paid_at IS NOT NULL
    GROUP BY n, currency
    """,
    ("fulfilled", "fulfilment_seconds"),
)

SALES = SnapshotTable(
    model=DaySnapshot,
    keys=("currency",),
    measures=(
        "gross_minor",
        "payments",
        "refunds_minor",
        "refunds",
        "orders",
        "order_value_minor",
        "refunded_orders",
        "discounts_minor",
        "discounts_unknown",
        "tax_minor",
        "tax_unknown",
        "shipping_minor",
        "shipping_unknown",
        "units",
        "attempts",
        "failures",
        "disputed",
        "disputed_minor",
        "fulfilled",
        "fulfilment_seconds",
    ),
    sources=(CAPTURED, LEFT, CAME_BACK, PAID, BOUGHT, ATTEMPTED, DISPUTED, FULFILLED),
)

PRODUCTS = SnapshotTable(
    model=ProductDay,
    keys=("currency", "product_id"),
    measures=("orders", "units", "sales_minor"),
    sources=(
        Source(
            f"""
            SELECT {day_at("paid_at")} AS n, currency, line.product_id,
                count(DISTINCT orders_order.id) AS orders,
                sum(line.quantity) AS units, sum(line.total_minor) AS sales_minor
            FROM orders_order JOIN orders_orderline AS line ON line.order_id = orders_order.id
            WHERE {in_run("paid_at")}
            GROUP BY n, currency, line.product_id
            """,
            ("orders", "units", "sales_minor"),
        ),
    ),
)
