"""Some of the rows of a part at a time, and the ways to those before and after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.http import Http404, HttpRequest
from django.utils.safestring import SafeString

from analyticsapp.days import Window
from analyticsapp.drilldown.rows import Cursor, Part, Row, page
from analyticsapp.kpis import Value
from payments.admin.columns import admin_link, may_open


@dataclass(frozen=True)
class Month:
    """A month of a long period, with its figure and where its rows are."""

    window: Window
    value: Value | None
    url: str


def listing(
    request: HttpRequest, part: Part, window: Window, currency: str, url: Callable[..., str]
) -> dict[str, Any]:
    """What ``analytics/row_list.html`` shows but for the sum. ``older`` and ``newer`` of the
    address go on from a row; ``url`` gives an address with these."""
    found = page(
        part,
        window,
        currency,
        older_than=place(request.GET.get("older", "")),
        newer_than=place(request.GET.get("newer", "")),
    )
    return {
        "part": part,
        "rows": [(row, link(request, row)) for row in found.rows],
        "newer": url(newer=mark(found.rows[0])) if found.newer and found.rows else "",
        "older": url(older=mark(found.rows[-1])) if found.older and found.rows else "",
        "newest": url(),
    }


def link(request: HttpRequest, row: Row) -> SafeString | str:
    """What the row is called, with its page in the admin for those who may see it there."""
    model = apps.get_model(row.model)
    if may_open(request.user, model):
        return admin_link(model, row.object_id, row.label)
    return row.label


def mark(row: Row) -> str:
    """The row's place in an address."""
    return f"{row.at.isoformat()},{row.key}"


def place(text: str) -> Cursor | None:
    """The place that ``mark`` wrote; None where none is named."""
    if not text:
        return None
    at, _, key = text.partition(",")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise Http404("There is no such place among the rows.") from None
    if moment.utcoffset() != timedelta(0) or "\0" in key:
        raise Http404("There is no such place among the rows.")
    return Cursor(moment, key)
