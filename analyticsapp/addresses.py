"""The queries of addresses, and where the rows behind a figure are. Days are named as
``Window.query`` and ``Period.query`` do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

from django.urls import reverse


def query_of(days: str, currency: str = "", keep: Mapping[str, object] | None = None) -> str:
    """``?month=2026-10&currency=eur``; ``keep`` is what else the address says."""
    more = {"currency": currency} if currency else {}
    rest = urlencode({**more, **(keep or {})})
    return f"?{days}" + (f"&{rest}" if rest else "")


def rows_of(key: str, days: str, currency: str, of: Mapping[str, object] | None = None) -> str:
    """The rows behind a KPI's figure; ``of`` says of what, where that isn't everything."""
    return rows_at(key) + query_of(days, currency, of)


def rows_at(key: str) -> str:
    """The same without its query."""
    return reverse("rows", args=[key])


def month_query(first: date) -> str:
    """The days of the month that begins on ``first``."""
    return f"month={first:%Y-%m}"
