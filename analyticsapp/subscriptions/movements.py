"""What moved a customer's MRR, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from analyticsapp.models import MrrMovement

Kind = MrrMovement.Kind


@dataclass(frozen=True)
class Movement:
    """By how much, and what a customer's MRR in one currency was at the end of the day."""

    day: date
    kind: str
    amount_minor: int
    mrr_minor: int


def movements(changes: Iterable[tuple[date, int]]) -> list[Movement]:
    """What each day's changes of one customer's MRR come to, in order.

    ``changes`` are days and by how much the MRR rose or fell on them; those of one day count
    together, so that moving from one subscription to another isn't churn. From nothing it is new,
    or reactivation where there had been something on an earlier day; to nothing it is churn, be it
    one subscription of several or one item of one; anything else is expansion or contraction.
    """
    by_day: dict[date, int] = {}
    for day, amount in changes:
        by_day[day] = by_day.get(day, 0) + amount
    found: list[Movement] = []
    mrr = 0
    for day in sorted(by_day):
        amount = by_day[day]
        if not amount:
            continue
        found.append(Movement(day, kind(mrr, mrr + amount, bool(found)), amount, mrr + amount))
        mrr += amount
    return found


def kind(before: int, after: int, known: bool) -> str:
    """The name of a step from ``before`` to ``after``; ``known``: it wasn't always nothing."""
    if before <= 0 < after:
        return Kind.REACTIVATION if known else Kind.NEW
    if after <= 0 < before:
        return Kind.CHURN
    return Kind.EXPANSION if after > before else Kind.CONTRACTION


@dataclass(frozen=True)
class Rates:
    """Of one period and currency: fractions of 1, or None where their base is nothing."""

    gross_mrr_churn: Fraction | None
    net_mrr_churn: Fraction | None
    customer_churn: Fraction | None
    quick_ratio: Fraction | None


def rates(
    *,
    opening_minor: int,
    moved: Mapping[str, int],
    moved_of_opening: Mapping[str, int],
    opening_customers: int,
    lost_customers: int,
) -> Rates:
    """The rates of a period from its movements by kind, as stored: losses are negative.

    ``moved_of_opening`` are those of customers that were there at the opening, ``lost_customers``
    how many of these were gone at the end: who joins and leaves within the period is in the
    movements, but in no churn rate, whose base is the opening.
    """
    lost = -moved_of_opening.get(Kind.CHURN, 0) - moved_of_opening.get(Kind.CONTRACTION, 0)
    regained = moved_of_opening.get(Kind.EXPANSION, 0) + moved_of_opening.get(Kind.REACTIVATION, 0)
    all_lost = -moved.get(Kind.CHURN, 0) - moved.get(Kind.CONTRACTION, 0)
    gained = sum(moved.get(one, 0) for one in (Kind.NEW, Kind.EXPANSION, Kind.REACTIVATION))
    return Rates(
        gross_mrr_churn=ratio(lost, opening_minor),
        net_mrr_churn=ratio(lost - regained, opening_minor),
        customer_churn=ratio(lost_customers, opening_customers),
        quick_ratio=ratio(gained, all_lost),
    )


def ratio(part: int, of: int) -> Fraction | None:
    """``part`` of ``of``; None of nothing."""
    return Fraction(part, of) if of > 0 else None


def arpa(mrr_minor: int, customers: int) -> Fraction | None:
    """MRR for each paying customer, in minor units, exactly; None without any."""
    return ratio(mrr_minor, customers)


def lifetime_value(arpa_minor: Fraction | None, churn: Fraction | None) -> Fraction | None:
    """What a customer brings until it leaves: ARPA ÷ its churn rate; None where nobody leaves."""
    return arpa_minor / churn if arpa_minor is not None and churn else None
