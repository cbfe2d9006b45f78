"""The rows of the settlement ledger: balance transactions, and disputes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from analyticsapp.bridge.lines import words
from analyticsapp.days import Window
from analyticsapp.drilldown.rows import Drilldown, Part, in_period
from analyticsapp.kpis import KPIS, Kpi, Settled, Unit, Value
from analyticsapp.kpis.settlement import (
    ADJUSTMENT,
    DISPUTE,
    DISPUTE_REVERSAL,
    NAMED,
    REFUNDS,
    SALES,
    Moved,
)
from analyticsapp.selectors.settlement import settled
from analyticsapp.tables.settlement import FEE_PARTS
from payments import categories
from payments.models import Dispute


def one_of(names: Sequence[str]) -> str:
    """SQL for whether the transaction is of one of these categories."""
    return f"reporting_category IN ({', '.join(map(repr, sorted(names)))})"


def transactions(amount: str, where: str = "true") -> str:
    """SQL of the balance transactions of the period, and what each adds."""
    return f"""
SELECT created AS at, id AS key, 'balance transaction' AS kind,
    'payments.balancetransaction' AS model, id AS object_id, id AS label,
    concat_ws(' · ', reporting_category, nullif(source, '')) AS detail, {amount} AS amount
FROM payments_balancetransaction
WHERE {in_period("created")} AND currency = %(currency)s AND {where}
"""


def moved(name: str, names: Sequence[str], sign: str = "") -> Part:
    """The transactions of some categories, and their amounts."""
    return Part(name, Unit.MONEY, transactions(f"{sign}amount", one_of(names)))


def disputes(amount: str, of: str) -> str:
    """SQL of the disputes opened in the period: those that are inquiries, or the others."""
    inquiries = ", ".join(map(repr, Dispute.MOVES_NO_MONEY))
    return f"""
SELECT created AS at, id AS key, 'dispute' AS kind, 'payments.dispute' AS model,
    id AS object_id, id AS label, concat_ws(' · ', status, nullif(reason, ''), charge_id) AS detail,
    {amount} AS amount
FROM payments_dispute
WHERE {in_period("created")} AND currency = %(currency)s
    AND status {of} ({inquiries})
"""


FEE = f"fee - CASE WHEN {one_of([categories.FEE])} THEN amount ELSE 0 END"
NET = f"CASE WHEN {one_of(sorted(categories.PAYOUTS))} THEN 0 ELSE amount END - fee"
CHARGED = moved("Charges", SALES)
FEES = Part("Fees", Unit.MONEY, transactions(FEE, f"{FEE} <> 0"))
OPENED = "NOT IN"
FEES_OF_A_TYPE = f"""
SELECT moved.created AS at, moved.id AS key, 'balance transaction' AS kind,
    'payments.balancetransaction' AS model, moved.id AS object_id, moved.id AS label,
    concat_ws(' · ', moved.reporting_category, nullif(moved.source, '')) AS detail,
    sum(part.amount)::bigint AS amount
FROM payments_balancetransaction AS moved CROSS JOIN LATERAL ({FEE_PARTS}) AS part
WHERE {in_period("moved.created")} AND moved.currency = %(currency)s AND part.type = %(fee)s
GROUP BY moved.id HAVING sum(part.amount) <> 0
"""
# What Stripe may call a category, a type or a status.
NAME = re.compile(r"[\w .:-]{0,80}")

PARTS: dict[str, tuple[Part, ...]] = {
    "settled_charges": (CHARGED,),
    "settled_refunds": (moved("Refunds, less those that failed", REFUNDS, "-"),),
    "disputes_withdrawn": (moved("Withdrawals for disputes", [DISPUTE], "-"),),
    "disputes_returned": (moved("Disputed amounts returned", [DISPUTE_REVERSAL]),),
    "failed_payments": (moved("Payments that failed later", [categories.CHARGE_FAILURE], "-"),),
    "fees": (FEES,),
    "fee_rate": (FEES, CHARGED),
    "adjustments": (moved("Adjustments", [ADJUSTMENT]),),
    "other_movements": (
        Part("Other movements", Unit.MONEY, transactions("amount", f"NOT {one_of(sorted(NAMED))}")),
    ),
    "settled_net": (
        Part("All but payouts, less fees", Unit.MONEY, transactions(NET, f"{NET} <> 0")),
    ),
    "payouts": (moved("Payouts, less those that came back", sorted(categories.PAYOUTS), "-"),),
    "balance_change": (Part("All transactions", Unit.MONEY, transactions("net")),),
    "disputes_opened": (Part("Disputes opened", Unit.COUNT, disputes("1", OPENED)),),
    "disputes_opened_value": (Part("Disputes opened", Unit.MONEY, disputes("amount", OPENED)),),
    "inquiries": (Part("Inquiries opened", Unit.COUNT, disputes("1", "IN")),),
}


def figures_of(kpi: Kpi[Settled]) -> Callable[[Sequence[Window], str], list[Value | None]]:
    """What pages show for the KPI: from the snapshots."""
    return lambda windows, currency: [kpi.compute(one) for one in settled(windows, currency)]


def narrowed(
    drilldown: Drilldown,
    parts: Sequence[Part],
    condition: Mapping[str, str],
    figure: Callable[[Settled], Value],
) -> Drilldown | None:
    """The figure of what has one name, such as ``{"category": "charge"}``, alone: what the first of
    the parts comes to. None where that can't be a name of Stripe's."""
    [name] = condition.values()
    if not NAME.fullmatch(name):
        return None
    return replace(
        drilldown,
        parts=tuple(replace(part, values=condition) for part in parts),
        combine=lambda sums, window: sums[0],
        figures=lambda windows, currency: [figure(one) for one in settled(windows, currency)],
        about=words(name),
        named=condition,
    )


def of_category(drilldown: Drilldown, name: str) -> Drilldown | None:
    """By how much the transactions of one reporting category changed the balance: the net, which is
    the amount less fees."""
    if drilldown.kpi.key != "balance_change":
        return None
    parts = [
        Part(title, Unit.MONEY, transactions(column, "reporting_category = %(category)s"))
        for title, column in (("Net", "net"), ("Amount", "amount"), ("Fees", "fee"))
    ]
    return narrowed(
        drilldown, parts, {"category": name}, lambda one: one.moved.get(name, Moved()).net_minor
    )


def of_fee(drilldown: Drilldown, name: str) -> Drilldown | None:
    """The fees of one type."""
    if drilldown.kpi.key != "fees":
        return None
    part = Part("Fees", Unit.MONEY, FEES_OF_A_TYPE)
    return narrowed(drilldown, [part], {"fee": name}, lambda one: one.fees.get(name, 0))


def of_status(drilldown: Drilldown, name: str) -> Drilldown | None:
    """The disputes that have one status now: how many, or over how much."""
    if drilldown.kpi.key not in ("disputes_opened", "disputes_opened_value", "inquiries"):
        return None
    [part] = drilldown.parts
    which = 1 if drilldown.kpi.unit is Unit.MONEY else 0
    inquiry = name in Dispute.MOVES_NO_MONEY
    if inquiry is not (drilldown.kpi.key == "inquiries"):
        return None
    return narrowed(
        drilldown,
        [replace(part, sql=f"{part.sql} AND status = %(status)s")],
        {"status": name},
        lambda one: one.disputes.get(name, (0, 0))[which],
    )


SETTLEMENT = tuple(
    Drilldown(kpi=KPIS[key], parts=parts, figures=figures_of(KPIS[key]))
    for key, parts in PARTS.items()
)
