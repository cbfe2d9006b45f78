"""The finance pack: daily figures, as the snapshots have them."""

from __future__ import annotations

from typing import Any

from analyticsapp.exports.columns import CURRENCY, day, money, number, text
from analyticsapp.exports.export import Export, query
from analyticsapp.exports.registry import FINANCE
from analyticsapp.exports.scope import on_days
from analyticsapp.kpis import KPIS, Kpi, Unit
from auditlog.columns import Column

# The figures of a day that can be added up, and where a snapshot has them. Averages and rates
# can't: they are made of these.
REVENUE_FIGURES = {
    "gross_captured": "gross_minor",
    "refunds": "refunds_minor",
    "net_sales": "net_sales_minor",
    "orders": "orders",
    "units": "units",
    "discounts": "CASE WHEN discounts_unknown < orders THEN discounts_minor END",
    "tax": "CASE WHEN tax_unknown < orders THEN tax_minor END",
    "shipping": "CASE WHEN shipping_unknown < orders THEN shipping_minor END",
}
UNKNOWN = ("discounts", "tax", "shipping")


def figure(kpi: Kpi[Any]) -> tuple[Column, ...]:
    """A KPI's columns. What it means is the registry's to say, and has a version of its own."""
    meaning = f"The figure “{kpi.name}” of the definitions."
    if kpi.unit is Unit.MONEY:
        return money(kpi.key, meaning, kpi=kpi.key)
    return (number(kpi.key, meaning, kpi.unit.value, kpi=kpi.key),)


def selected(key: str) -> str:
    name = f"{key}_minor" if KPIS[key].unit is Unit.MONEY else key
    return f"{REVENUE_FIGURES[key]} AS {name}"


REVENUE = Export(
    name="revenue",
    pack=FINANCE,
    title="Revenue summary",
    meaning="A day and currency with its commercial figures, as the dashboard has them.",
    columns=(
        day("day", "The day."),
        CURRENCY,
        *(column for key in REVENUE_FIGURES for column in figure(KPIS[key])),
        *(
            number(f"{key}_unknown", f"Of how many orders the {key} can’t be told.", "orders")
            for key in UNKNOWN
        ),
    ),
    rows=query(f"""
    SELECT day, currency, {", ".join(map(selected, REVENUE_FIGURES))},
        {", ".join(f"{key}_unknown" for key in UNKNOWN)}
    FROM analyticsapp_daysnapshot
    WHERE {on_days("day")}
    """),
    order="day, currency",
)

SETTLEMENT = Export(
    name="settlement",
    pack=FINANCE,
    title="Settlement by category",
    meaning="What moved the Stripe balance on a day, by currency and Stripe’s category.",
    columns=(
        day("day", "The day."),
        CURRENCY,
        text("category", "Stripe’s reporting category."),
        number("transactions", "How many movements.", "transactions"),
        *money("amount", "What they added to the balance before fees."),
        *money("fee", "The fees taken off them."),
        *money("net", "Amount less fee."),
    ),
    rows=query(f"""
    SELECT day, currency, category, transactions, amount_minor, fee_minor, net_minor
    FROM analyticsapp_settlementday
    WHERE {on_days("day")}
    """),
    order="day, currency, category",
)

BRIDGE = Export(
    name="bridge",
    pack=FINANCE,
    title="Bridge",
    meaning="A line of the bridge from a day’s net sales to what Stripe settled. The lines of a "
    "day and currency add up to what the balance in it changed by.",
    columns=(
        day("day", "The day."),
        CURRENCY,
        text("line", "Which line; category: and fee: stand before Stripe’s own words."),
        text("counterpart", "The currency on the other side, where it was exchanged. Empty: none."),
        day("other_day", "Of what is captured on one day and settled on another: the other one."),
        number("rows", "How many charges, refunds or transactions.", "rows"),
        *money("amount", "By how much it changes what the line before comes to."),
    ),
    rows=query(f"""
    SELECT day, currency, line, counterpart, other_day, rows, amount_minor
    FROM analyticsapp_bridgeday
    WHERE {on_days("day")}
    """),
    order="day, currency, line, counterpart, other_day",
)

FEES = Export(
    name="fees",
    pack=FINANCE,
    title="Fees by type",
    meaning="What a day’s fees of a type cost, whether taken off a movement or one of their own.",
    columns=(
        day("day", "The day."),
        CURRENCY,
        text("type", "Stripe’s type of fee; “unspecified” where it doesn’t say."),
        *money("amount", "What they cost; negative where Stripe gave some back."),
    ),
    rows=query(f"""
    SELECT day, currency, type, amount_minor FROM analyticsapp_feeday WHERE {on_days("day")}
    """),
    order="day, currency, type",
)
