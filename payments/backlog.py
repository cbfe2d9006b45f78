"""How much work a list of rows is: how many, since when, and how much money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, QuerySet, Sum


@dataclass(frozen=True)
class Backlog:
    """A count, the oldest moment, and a sum in minor units for each currency, by its code."""

    count: int = 0
    oldest: datetime | None = None
    sums: tuple[tuple[str, int], ...] = ()


def backlog(
    rows: QuerySet[Any], *, since: str, amount: str = "", currency: str = "currency"
) -> Backlog:
    """Measure ``rows`` with one statement.

    ``since`` names the column whose smallest value is the oldest moment, ``amount`` the one to add
    up; without it no money is at stake. Rows without an amount are counted and add nothing.
    """
    if not amount:
        one = rows.order_by().aggregate(rows=Count("pk"), oldest=Min(since))
        return Backlog(one["rows"], one["oldest"])
    groups = list(
        rows.order_by(currency)
        .values(currency)
        .annotate(rows=Count("pk"), oldest=Min(since), total=Sum(amount))
    )
    return Backlog(
        count=sum(group["rows"] for group in groups),
        oldest=min((group["oldest"] for group in groups if group["oldest"]), default=None),
        sums=tuple(
            (group[currency], int(group["total"])) for group in groups if group["total"] is not None
        ),
    )
