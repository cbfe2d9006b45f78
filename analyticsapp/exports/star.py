"""The BI pack: the star schema that stands as views in the schema ``bi``, which say what is in it.

Each export reads its view, so the two can't differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyticsapp.exports.columns import CURRENCY, day, flag, key, money, number, text, time
from analyticsapp.exports.export import Export, query
from analyticsapp.exports.registry import BI
from analyticsapp.exports.scope import within
from auditlog.columns import Column


def exports() -> Iterator[Export]:
    """The pack, in its order."""
    yield from (FACT_ORDERS, FACT_ORDER_LINES, FACT_PAYMENTS, FACT_REFUNDS)
    yield from (DIM_DATE, DIM_CUSTOMER, DIM_PRODUCT)


def moments(**times: str) -> tuple[Column, ...]:
    """A day and the moment for each: ``placed`` gives ``placed_day`` and ``placed_at``."""
    return tuple(
        column
        for name, meaning in times.items()
        for column in (day(f"{name}_day", meaning), time(f"{name}_at", meaning))
    )


FACT_ORDERS = Export(
    name="fact_orders",
    pack=BI,
    title="Facts: orders",
    meaning="An order placed on the days.",
    columns=(
        key("order_id", "The order."),
        text("number", "Its number."),
        key("customer_id", "The buyer, in dim_customer. Empty: nobody in particular."),
        *moments(
            placed="When it was placed.",
            paid="When it was paid. Empty: it wasn’t.",
            fulfilled="When it was fulfilled. Empty: it wasn’t.",
            canceled="When it was canceled. Empty: it wasn’t.",
        ),
        text("status", "pending, paid, fulfilled or canceled."),
        text("refund_status", "none, partial or full."),
        text("source", "shop, admin, import or stripe."),
        CURRENCY,
        *money("total", "What was agreed, tax and shipping included."),
        *money("subtotal", "Before discount, tax and shipping. Empty: unknown."),
        *money("discount", "What was taken off. Empty: unknown."),
        *money("tax", "Tax in the total. Empty: unknown."),
        *money("shipping", "Shipping in the total. Empty: unknown."),
        *money("captured", "What its payments captured."),
        *money("refunded", "Refunds of captured money that succeeded and haven’t failed since."),
    ),
    rows=query(f"SELECT * FROM bi.fact_orders WHERE {within('placed_at')}"),
    order="placed_at, order_id",
)

FACT_ORDER_LINES = Export(
    name="fact_order_lines",
    pack=BI,
    title="Facts: order lines",
    meaning="A line of an order placed on the days.",
    columns=(
        key("order_line_id", "The line."),
        key("order_id", "Its order, in fact_orders."),
        key("product_id", "What it is of, in dim_product. Empty: no product of ours."),
        key("customer_id", "The buyer, in dim_customer. Empty: nobody in particular."),
        *moments(
            placed="When the order was placed.",
            paid="When the order was paid. Empty: it wasn’t.",
        ),
        text("description", "What the line says."),
        number("quantity", "How many.", "units"),
        number("returned", "How many came back and were put into stock again.", "units"),
        CURRENCY,
        *money("total", "After discounts, tax included."),
    ),
    rows=query(f"SELECT * FROM bi.fact_order_lines WHERE {within('placed_at')}"),
    order="placed_at, order_line_id",
)

FACT_PAYMENTS = Export(
    name="fact_payments",
    pack=BI,
    title="Facts: payments",
    meaning="A charge tried on the days, whether it took money or not.",
    columns=(
        text("charge", "Stripe’s id of it."),
        text("payment", "Stripe’s id of its payment intent, or its own where it has none."),
        key("order_id", "The order that it belongs to, in fact_orders. Empty: none."),
        *moments(
            created="When it was tried.",
            captured="When its money was captured. Empty: it wasn’t.",
        ),
        text("status", "succeeded, pending or failed."),
        text("method", "What it was paid with, in Stripe’s words."),
        text("failure_code", "Why it failed. Empty: it didn’t."),
        flag("disputed", "a dispute took its money, for a time at least."),
        CURRENCY,
        *money("amount", "What was asked for."),
        *money("captured", "What was captured."),
        text("settlement_currency", "In which it reached the balance. Empty: it hasn’t."),
        *money("settled", "What it added to the balance.", currency="settlement_currency"),
        *money("fee", "What Stripe took off that.", currency="settlement_currency"),
    ),
    rows=query(f"SELECT * FROM bi.fact_payments WHERE {within('created_at')}"),
    order="created_at, charge",
)

FACT_REFUNDS = Export(
    name="fact_refunds",
    pack=BI,
    title="Facts: refunds",
    meaning="A refund of captured money that was given back on the days.",
    columns=(
        text("refund", "Stripe’s id of it."),
        text("charge", "The charge that it is of, in fact_payments."),
        key("order_id", "The order, in fact_orders. Empty: none."),
        *moments(
            refunded="When its money moved.",
            returned="When it came back, because it failed later. Empty: it didn’t.",
        ),
        text("reason", "Why, in Stripe’s words."),
        CURRENCY,
        *money("amount", "What was given back."),
    ),
    rows=query(f"SELECT * FROM bi.fact_refunds WHERE {within('refunded_at')}"),
    order="refunded_at, refund",
)

DIM_DATE = Export(
    name="dim_date",
    pack=BI,
    title="Dimension: dates",
    meaning="A day, from the first year that has a fact to the end of this one.",
    columns=(
        day("day", "The day."),
        number("year", "2026.", "year"),
        text("quarter", "2026-Q3."),
        text("month", "2026-07."),
        text("week", "2026-W31, as ISO 8601 counts."),
        number("weekday", "1 for Monday to 7 for Sunday.", "day of the week"),
        flag("weekend", "a Saturday or a Sunday."),
    ),
    rows=query("SELECT * FROM bi.dim_date"),
    order="day",
    dated=False,
)

DIM_CUSTOMER = Export(
    name="dim_customer",
    pack=BI,
    title="Dimension: customers",
    meaning="A buyer; a guest who is known to be one of Stripe’s customers is that one.",
    columns=(
        key("customer_id", "The buyer."),
        text("stripe_customer", "Stripe’s id of the customer. Empty: a guest."),
        *moments(known="Since when."),
        text("email", "The address.", personal=True),
        text("name", "The name.", personal=True),
    ),
    # What tells who somebody is stands in no view.
    rows=query("""
    SELECT known.*, customer.email, customer.name
    FROM bi.dim_customer AS known
    JOIN orders_customer AS customer ON customer.id = known.customer_id
    """),
    order="customer_id",
    dated=False,
)

DIM_PRODUCT = Export(
    name="dim_product",
    pack=BI,
    title="Dimension: products",
    meaning="Something that is or was sold.",
    columns=(
        key("product_id", "The product."),
        text("sku", "Its SKU."),
        text("name", "Its name."),
        text("stripe_product", "Stripe’s id of it. Empty: Stripe doesn’t know it."),
        flag("active", "it is sold now."),
        number("stock", "How many there are. Empty: nobody counts.", "units"),
    ),
    rows=query("SELECT * FROM bi.dim_product"),
    order="product_id",
    dated=False,
)
