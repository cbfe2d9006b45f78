"""What is wrong now and needs someone, by how bad it is and how much money is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from django.db.models import Count, F, Min, Sum, Window
from django.db.models.functions import Abs, RowNumber

from monitoring.models import Issue, Severity
from monitoring.selectors import SEVERITY_RANK, open_issues

WORST_FIRST = tuple(reversed(Severity))
MOST_OF_A_CURRENCY = 5


@dataclass
class Exceptions:
    """Open issues: how many of each severity, since when, and the money at risk in each currency,
    in minor units."""

    check_name: str = ""  # empty: all checks together
    counts: Counter[Severity] = field(default_factory=Counter)
    oldest: datetime | None = None
    at_risk: Counter[str] = field(default_factory=Counter)

    @property
    def title(self) -> str:
        """The check's name in words."""
        return self.check_name.replace("_", " ")

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def by_severity(self) -> list[tuple[Severity, int]]:
        """The worst severity first."""
        return [(severity, self.counts[severity]) for severity in WORST_FIRST]

    @property
    def sums(self) -> list[tuple[str, int]]:
        """Money at risk by currency."""
        return sorted(self.at_risk.items())

    def add(self, severity: Severity, count: int, first_seen: datetime) -> None:
        self.counts[severity] += count
        self.oldest = min(self.oldest or first_seen, first_seen)


def exceptions() -> tuple[Exceptions, list[Exceptions]]:
    """All open issues together, and those of each check: the check with the worst and the most
    first. One statement."""
    groups = (
        open_issues()
        .order_by()
        .values_list("check_name", "severity", "currency")
        .annotate(rows=Count("id"), oldest=Min("first_seen"), amount=Sum("amount_minor"))
    )
    total, checks = Exceptions(), dict[str, Exceptions]()
    for name, severity, currency, rows, oldest, amount in groups:
        for one in (total, checks.setdefault(name, Exceptions(name))):
            one.add(Severity(severity), rows, oldest)
            if amount is not None:
                one.at_risk[currency] += amount
    return total, sorted(checks.values(), key=badness)


def badness(one: Exceptions) -> tuple[list[int], str]:
    return [-count for _, count in one.by_severity], one.check_name


def most_at_risk(most: int = MOST_OF_A_CURRENCY) -> list[tuple[str, list[Issue]]]:
    """The open issues with the most money at risk, so many of each currency. One statement."""
    ranked = (
        open_issues()
        .filter(amount_minor__isnull=False)
        .exclude(amount_minor=0)
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=F("currency"),
                order_by=[Abs("amount_minor").desc(), SEVERITY_RANK.desc(), F("id").asc()],
            )
        )
        .filter(place__lte=most)
        .order_by("currency", "place")
    )
    return by_currency(ranked)


def by_currency(issues: Iterable[Issue]) -> list[tuple[str, list[Issue]]]:
    return [(currency, list(rows)) for currency, rows in groupby(issues, lambda one: one.currency)]
