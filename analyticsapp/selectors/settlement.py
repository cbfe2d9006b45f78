"""What Stripe's balance did over any days, read from the snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection
from django.db.models import Min, Sum
from django.db.models.functions import TruncMonth

from analyticsapp.days import YEAR_AND_MONTH, Window, months_later
from analyticsapp.kpis import KPIS, SETTLEMENT, Totals, Value
from analyticsapp.kpis.settlement import DISPUTED_WITHIN, Moved, Settled
from analyticsapp.models import DaySnapshot, DisputeDay, FeeDay, SettlementDay
from analyticsapp.periods import Comparable, Period
from analyticsapp.selectors.figures import Figure, figure
from analyticsapp.selectors.windows import WINDOWS, parameters
from payments.categories import KNOWN

SUMS = f"""
SELECT 'moved', n, category, sum(transactions), sum(amount_minor), sum(fee_minor)
FROM {WINDOWS} JOIN {SettlementDay._meta.db_table} AS row ON row.day BETWEEN first AND last
WHERE currency = %(currency)s GROUP BY n, category
UNION ALL
SELECT 'fees', n, type, 0, sum(amount_minor), 0
FROM {WINDOWS} JOIN {FeeDay._meta.db_table} AS row ON row.day BETWEEN first AND last
WHERE currency = %(currency)s GROUP BY n, type
UNION ALL
SELECT 'disputes', n, status, sum(disputes), sum(amount_minor), 0
FROM {WINDOWS} JOIN {DisputeDay._meta.db_table} AS row ON row.day BETWEEN first AND last
WHERE currency = %(currency)s GROUP BY n, status
"""


def settled(windows: Sequence[Window], currency: str) -> list[Settled]:
    """What the days of each window add up to. One query."""
    found: list[dict[str, dict[str, tuple[int, int, int]]]] = [
        {"moved": {}, "fees": {}, "disputes": {}} for _ in windows
    ]
    with connection.cursor() as cursor:
        cursor.execute(SUMS, {**parameters(windows), "currency": currency})
        for kind, n, name, *sums in cursor.fetchall():
            count, amount, fee = map(int, sums)
            found[n - 1][kind][name] = (count, amount, fee)
    return [
        Settled(
            moved={name: Moved(*sums) for name, sums in sorted(one["moved"].items())},
            fees={name: amount for name, (_, amount, _) in sorted(one["fees"].items()) if amount},
            disputes={
                name: (count, amount)
                for name, (count, amount, _) in sorted(one["disputes"].items())
            },
        )
        for one in found
    ]


def settled_by_day(window: Window, currency: str) -> dict[date, Settled]:
    """The same of each day on which the balance moved, without types of fees and disputes. One
    query."""
    rows = SettlementDay.objects.filter(currency=currency, day__range=(window.first, window.last))
    days: dict[date, dict[str, Moved]] = defaultdict(dict)
    names = ("day", "category", "transactions", "amount_minor", "fee_minor")
    for day, category, *sums in rows.order_by("day").values_list(*names):
        days[day][category] = Moved(*sums)
    return {day: Settled(moved) for day, moved in days.items()}


def settled_by_month(window: Window, currency: str) -> dict[date, Settled]:
    """The same of each month, by its first day. One query."""
    rows = (
        SettlementDay.objects.filter(currency=currency, day__range=(window.first, window.last))
        .annotate(month=TruncMonth("day"))
        .values("month", "category")
        .order_by("month")
        .annotate(count=Sum("transactions"), amount=Sum("amount_minor"), fee=Sum("fee_minor"))
    )
    months: dict[date, dict[str, Moved]] = defaultdict(dict)
    for row in rows:
        months[row["month"]][row["category"]] = Moved(row["count"], row["amount"], row["fee"])
    return {month: Settled(moved) for month, moved in months.items()}


@dataclass(frozen=True)
class Category:
    """A reporting category of Stripe's, by its own name; ``known`` to this version or not."""

    name: str
    moved: Moved
    known: bool = True


@dataclass(frozen=True)
class Account:
    """What Stripe's balance in one currency did in a period, and its figures against earlier
    ones."""

    period: Period
    currency: str
    now: Settled
    comparable: Comparable
    figures: list[Figure]

    @property
    def categories(self) -> list[Category]:
        """The categories that moved anything, the busiest first."""
        found = [Category(name, moved, name in KNOWN) for name, moved in self.now.moved.items()]
        return sorted(found, key=lambda one: (-one.moved.transactions, one.name))

    @property
    def all_categories(self) -> Category:
        """All of them together."""
        moved = self.now.moved.values()
        rows = [(one.transactions, one.amount_minor, one.fee_minor) for one in moved]
        return Category("", Moved(*map(sum, zip(*rows, strict=True))))


def account(period: Period, currency: str, first_day: date | None) -> Account:
    """The balance in ``currency``, where figures begin on ``first_day``. One query."""
    now, *earlier = settled((period, period.before(), period.year_before()), currency)
    comparable = period.comparable(first_day)
    figures = [figure(kpi, now, *comparable.only(*earlier)) for kpi in SETTLEMENT]
    return Account(period, currency, now, comparable, figures)


@dataclass(frozen=True)
class Cohort:
    """The charges captured in a month, and how many of them have been disputed since."""

    month: date
    totals: Totals
    mature_on: date  # from then on no more disputes are to be expected
    mature: bool

    @property
    def rate(self) -> Value | None:
        """The dispute rate; None without charges."""
        return KPIS["dispute_rate"].compute(self.totals)


def cohorts(currency: str, today: date, months: int = YEAR_AND_MONTH) -> list[Cohort]:
    """The last months in which anything was captured, the newest first. One query."""
    earliest = months_later(today.replace(day=1), 1 - months)
    rows = (
        DaySnapshot.objects.filter(currency=currency, day__gte=earliest)
        .annotate(month=TruncMonth("day"))
        .values("month")
        .order_by("-month")
        .annotate(
            payments_of=Sum("payments"), disputed_of=Sum("disputed"), value=Sum("disputed_minor")
        )
    )
    found = []
    for row in rows:
        month = row["month"]
        mature_on = months_later(month, 1) + timedelta(days=DISPUTED_WITHIN)
        totals = Totals(
            payments=row["payments_of"], disputed=row["disputed_of"], disputed_minor=row["value"]
        )
        found.append(Cohort(month, totals, mature_on, mature_on <= today))
    return [cohort for cohort in found if cohort.totals.payments]


def first_settled() -> date | None:
    """The first day on which anything moved; None while nothing has."""
    first: date | None = SettlementDay.objects.aggregate(first=Min("day"))["first"]
    return first


def disputed_currencies(window: Window, *, besides: Sequence[str]) -> list[str]:
    """The currencies of disputes opened on these days, apart from ``besides``. One query."""
    rows = DisputeDay.objects.filter(day__range=(window.first, window.last))
    found = rows.exclude(currency__in=besides).order_by("currency")
    return list(found.values_list("currency", flat=True).distinct())
