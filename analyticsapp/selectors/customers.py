"""How many distinct customers there were, of the windows that are counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from analyticsapp.days import DAY, Window, beginning
from analyticsapp.kpis.customers import Buyers
from analyticsapp.models import WindowDay

Span = WindowDay.Span


def first_day(span: WindowDay.Span, last: date) -> date:
    """The first day of the window of that span that ends on ``last``."""
    if span is Span.MONTH:
        return beginning(last, 1)
    if span is Span.QUARTER:
        return beginning(last, 3)
    return last - (int(span) - 1) * DAY


def span_of(window: Window) -> WindowDay.Span | None:
    """The span that has exactly these days; None where none has."""
    return next((span for span in Span if first_day(span, window.last) == window.first), None)


def buyers(windows: Iterable[Window], currency: str) -> list[Buyers | None]:
    """The customers of each of these windows, None for those that aren't counted. One query."""
    spans = [(span_of(window), window.last) for window in windows]
    rows = WindowDay.objects.filter(currency=currency, day__in={last for _, last in spans})
    found = {
        (span, day): Buyers(new, returning)
        for span, day, new, returning in rows.order_by().values_list(
            "span", "day", "new_customers", "returning_customers"
        )
    }
    return [found.get((span, last), Buyers()) if span else None for span, last in spans]
