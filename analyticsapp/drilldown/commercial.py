"""The rows of the commercial ledger: charges, refunds and orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyticsapp.days import Window
from analyticsapp.drilldown.products import EVERY, lines
from analyticsapp.drilldown.rows import Drilldown, Part, in_period
from analyticsapp.kpis import KPIS, Kpi, Totals, Unit, Value
from analyticsapp.refunds import COUNTED, RETURNED, RefundDate
from analyticsapp.selectors.sales import totals
from payments.models import Dispute


def charges(amount: str, *, moment: str = "captured_at", where: str = "") -> str:
    """SQL of the charges whose ``moment`` is in the period."""
    return f"""
SELECT {moment} AS at, id AS key, 'charge' AS kind, 'payments.charge' AS model, id AS object_id,
    id AS label, concat_ws(' · ', status, nullif(payment_method_type, ''), nullif(failure_code, ''))
    AS detail, {amount} AS amount
FROM payments_charge AS charge
WHERE {in_period(moment)} AND currency = %(currency)s {where}
"""


def refunds(date: RefundDate, kind: str, sign: str) -> str:
    """SQL of the refunds by one of their two dates."""
    return f"""
SELECT {date.moment} AS at, id || ' {kind}' AS key, '{kind}' AS kind, 'payments.refund' AS model,
    id AS object_id, id AS label, 'of ' || charge_id AS detail, {sign} amount AS amount
FROM payments_counted_refund
WHERE {date.within(in_period)} AND currency = %(currency)s
"""


def refunds_counted(sign: str = "") -> str:
    """SQL of the refunds that left, and of those that came back because they failed."""
    left = refunds(COUNTED, "refund", sign)
    returned = refunds(RETURNED, "failed refund", "" if sign else "-")
    return f"{left} UNION ALL {returned}"


def orders(amount: str, *, moment: str = "paid_at", where: str = "") -> str:
    """SQL of the orders whose ``moment`` is in the period."""
    return f"""
SELECT {moment} AS at, id::text AS key, 'order' AS kind, 'orders.order' AS model,
    id::text AS object_id, number AS label, concat_ws(' · ', status, source) AS detail,
    {amount} AS amount
FROM orders_order
WHERE {in_period(moment)} AND currency = %(currency)s {where}
"""


DISPUTED = f"""AND EXISTS (
    SELECT FROM payments_dispute AS dispute
    WHERE dispute.charge_id = charge.id
        AND dispute.status NOT IN ({", ".join(map(repr, Dispute.MOVES_NO_MONEY))})
)"""
FULFILLED = "AND paid_at IS NOT NULL"

CAPTURED = Part("Charges captured", Unit.MONEY, charges("amount_captured"))
REFUNDED = Part("Refunds, less those that failed", Unit.MONEY, refunds_counted())
PAID = Part("Orders paid", Unit.COUNT, orders("1"))


def known(name: str, column: str) -> Part:
    """The orders that know an amount, and that amount."""
    return Part(
        f"{name} of the orders that know",
        Unit.MONEY,
        orders(column, where=f"AND {column} IS NOT NULL"),
    )


PARTS: dict[str, tuple[Part, ...]] = {
    "gross_captured": (CAPTURED,),
    "refunds": (REFUNDED,),
    "net_sales": (
        Part(
            "Charges captured, less refunds",
            Unit.MONEY,
            f"{charges('amount_captured')} UNION ALL {refunds_counted('-')}",
        ),
    ),
    "orders": (PAID,),
    "aov": (Part("Captured by the orders paid", Unit.MONEY, orders("captured_minor")), PAID),
    "discounts": (known("Discounts", "discount_minor"),),
    "tax": (known("Tax", "tax_minor"),),
    "shipping": (known("Shipping", "shipping_minor"),),
    "units": (Part("Lines of the orders paid", Unit.COUNT, lines("line.quantity", EVERY)),),
    "refund_rate_orders": (
        Part(
            "Orders paid and refunded since",
            Unit.COUNT,
            orders("1", where="AND refunded_minor > 0"),
        ),
        PAID,
    ),
    "refund_rate_value": (REFUNDED, CAPTURED),
    "payment_success_rate": (
        Part(
            "Charges tried that didn’t fail",
            Unit.COUNT,
            charges(
                "1", moment="created", where="AND (status <> 'failed' OR captured_at IS NOT NULL)"
            ),
        ),
        Part("Charges tried", Unit.COUNT, charges("1", moment="created")),
    ),
    "time_to_fulfil": (
        Part(
            "Time from paid to fulfilled",
            Unit.HOURS,
            orders(
                "extract(epoch FROM fulfilled_at - paid_at)::bigint",
                moment="fulfilled_at",
                where=FULFILLED,
            ),
        ),
        Part("Orders fulfilled", Unit.COUNT, orders("1", moment="fulfilled_at", where=FULFILLED)),
    ),
    "dispute_rate": (
        Part("Charges captured and disputed since", Unit.COUNT, charges("1", where=DISPUTED)),
        Part("Charges captured", Unit.COUNT, charges("1")),
    ),
}
# Of these nothing is known where no order knows.
UNKNOWN_WITHOUT_ROWS = {"discounts", "tax", "shipping"}


def figures_of(kpi: Kpi[Totals]) -> Callable[[Sequence[Window], str], list[Value | None]]:
    """What pages show for the KPI: from the snapshots."""
    return lambda windows, currency: [kpi.compute(one) for one in totals(windows, currency)]


COMMERCIAL = tuple(
    Drilldown(
        kpi=KPIS[key],
        parts=parts,
        figures=figures_of(KPIS[key]),
        without_rows=None if key in UNKNOWN_WITHOUT_ROWS else 0,
    )
    for key, parts in PARTS.items()
)
