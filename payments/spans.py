"""How long ago, or how soon: what waits, by spans of time, in lists and on pages alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Min, Q, QuerySet, Sum, Value, When

from payments.backlog import Backlog


@dataclass(frozen=True)
class Span:
    """Moments from ``since`` on and before ``until``, both seen from now; without either, those
    that nobody knows. ``name`` is kept in addresses."""

    name: str
    label: str
    since: timedelta | None = None
    until: timedelta | None = None

    def holds(self, column: str, now: datetime) -> Q:
        """The rows whose moment in ``column`` lies in it."""
        if self.since is None and self.until is None:
            return Q(**{f"{column}__isnull": True})
        condition = Q()
        if self.since is not None:
            condition &= Q(**{f"{column}__gte": now + self.since})
        if self.until is not None:
            condition &= Q(**{f"{column}__lt": now + self.until})
        return condition


def backlog_by_span(
    rows: QuerySet[Any], spans: Sequence[Span], column: str, *, amount: str, now: datetime
) -> list[tuple[Span, Backlog]]:
    """Measure ``rows`` by where their moment in ``column`` lies, with one statement.

    A row counts in the first of the spans that holds it; ``amount`` is summed by currency.
    """
    place = Case(
        *(When(span.holds(column, now), then=Value(span.name)) for span in spans),
        output_field=CharField(),
    )
    groups = (
        rows.order_by()
        .annotate(span=place)
        .values("span", "currency")
        .annotate(rows=Count("pk"), oldest=Min(column), total=Sum(amount))
        .order_by("currency")
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for group in groups:
        found[group["span"]].append(group)
    return [
        (
            span,
            Backlog(
                count=sum(group["rows"] for group in found[span.name]),
                oldest=min(
                    (group["oldest"] for group in found[span.name] if group["oldest"]),
                    default=None,
                ),
                sums=tuple((group["currency"], int(group["total"])) for group in found[span.name]),
            ),
        )
        for span in spans
    ]
