"""The reconciliation as pages: parse, authorise, read, render."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.request import QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from analyticsapp.currencies import chosen
from analyticsapp.selectors.freshness import freshness
from auditlog.access import requires
from auditlog.exports import download_response
from auditlog.snapshot import from_one_snapshot
from monitoring.reconciliation import report
from monitoring.reconciliation.period import (
    DAYS_A_STATEMENT,
    DEFAULT_ZONE,
    BadPeriod,
    Period,
    period,
    snapshots_zone,
)
from monitoring.reconciliation.residuals import (
    BALANCE,
    BALANCE_TO_PAYMENTS,
    ORDERS,
    PAYMENTS,
    PAYMENTS_TO_ORDERS,
    RESIDUALS,
    SNAPSHOTS,
    STEPS,
    Residual,
)
from monitoring.reconciliation.selectors import (
    Cell,
    Entry,
    Line,
    Reconciliation,
    Row,
    reconcile,
    residual_rows,
)
from orders.models import Order
from payments.admin.columns import admin_link
from payments.models import BalanceTransaction, Charge, Refund
from payments.money import CURRENCY

VIEW = "analyticsapp.view_daysnapshot"
# The rows behind a residual, and the download, are for those who may see these anyway.
ROWS = (
    VIEW,
    "payments.view_balancetransaction",
    "payments.view_charge",
    "payments.view_refund",
    "orders.view_order",
)
WINDOWS = (1, 7, 31)
PAGE = 50
NUMBER = re.compile("[1-9][0-9]{0,5}")
MODELS: dict[str, type[Model]] = {
    "balance transaction": BalanceTransaction,
    "charge": Charge,
    "refund": Refund,
    "returned refund": Refund,
    "order": Order,
}


@dataclass(frozen=True)
class Shown:
    """A residual with the address of its rows, which is empty for those who may not see them."""

    line: Line
    url: str


@dataclass(frozen=True)
class ShownEntry:
    """A line of the statement, and what lies between its figure and the snapshot."""

    entry: Entry
    shown: Shown | None
    snapshot: list[Shown]


def asked(query: QueryDict, *, default: bool = False) -> Period:
    """The period that the address names.

    Raises:
        BadPeriod: it names none that a page can show.
    """
    return period(
        query.get("from", ""),
        query.get("to", ""),
        query.get("tz", ""),
        now=timezone.now(),
        most=DAYS_A_STATEMENT,
        default=default,
    )


def query_of(shown: Period, **more: str) -> str:
    """The address's query for a period."""
    names = {"from": str(shown.first), "to": str(shown.last), "tz": shown.zone.key, **more}
    return "?" + urlencode(names)


@require_safe
@requires(VIEW)
@from_one_snapshot
def reconciliation(request: HttpRequest) -> HttpResponse:
    """Some days in one currency: ``?from=2026-03-01&to=2026-03-31&tz=UTC&currency=eur``."""
    problem, now = "", timezone.now()
    try:
        shown = asked(request.GET, default=True)
    except BadPeriod as error:
        problem, shown = str(error), asked(QueryDict(), default=True)
    found = reconcile(shown)
    currency = chosen(request.GET.get("currency", ""), found.currencies)
    may_see_rows = request.user.has_perms(ROWS)
    context: dict[str, Any] = {
        "section": "reconciliation",
        "problem": problem,
        "period": shown,
        "today": now.astimezone(shown.zone).date(),
        "freshness": freshness(now),
        "time_zone": shown.zone.key,
        "note": report.not_comparable(shown),
        "currency": currency,
        "currencies": [(one, query_of(shown, currency=one)) for one in found.currencies],
        "windows": windows(shown, currency),
        "zones": zones(shown, currency),
        "may_export": may_see_rows and bool(found.cells),
        "export": reverse("reconciliation-export") + query_of(shown),
        "figures": (ORDERS, PAYMENTS, BALANCE),
    }
    if currency:
        total = found.total(currency)
        context["total"] = total
        context["statement"] = statement(total, found, may_see_rows)
        context["residuals"] = meanings(total)
        context["numbers"] = numbers(total)
        context["days"] = [
            (
                cell,
                numbers(cell),
                query_of(replace(shown, first=cell.day, last=cell.day), currency=currency),
            )
            for cell in reversed(found.days(currency))
            if cell.day
        ]
    return render(request, "monitoring/reconciliation.html", context)


def statement(total: Cell, found: Reconciliation, may_see_rows: bool) -> list[ShownEntry]:
    """The lines from the orders to the balance, each residual with the address of its rows."""

    def show(line: Line) -> Shown:
        url = rows_url(found.period, total.currency, line.residual) if may_see_rows else ""
        return Shown(line, url)

    return [
        ShownEntry(
            entry,
            show(entry.line) if entry.line else None,
            [show(line) for line in total.residuals(entry.snapshot)] if entry.snapshot else [],
        )
        for entry in total.statement(found.steps)
    ]


def meanings(total: Cell) -> list[Residual]:
    """The residuals that the page shows, as the statement has them, each meaning once."""
    order = (PAYMENTS_TO_ORDERS, BALANCE_TO_PAYMENTS, *SNAPSHOTS)
    shown = [line.residual for step in order for line in total.residuals(step)]
    return list({one.meaning: one for one in shown}.values())


def numbers(cell: Cell) -> list[tuple[int, bool]]:
    """A cell in a line: each figure and, marked so, the difference between it and the next."""
    return [
        (cell.figures[ORDERS], False),
        (cell.difference(PAYMENTS_TO_ORDERS), True),
        (cell.figures[PAYMENTS], False),
        (cell.difference(BALANCE_TO_PAYMENTS), True),
        (cell.figures[BALANCE], False),
    ]


def rows_url(shown: Period, currency: str, residual: Residual, **more: str) -> str:
    """The address of a residual's rows."""
    names = {"currency": currency, "step": residual.step.key, "residual": residual.key, **more}
    return reverse("reconciliation-rows") + query_of(shown, **names)


def windows(shown: Period, currency: str) -> list[tuple[str, str, bool]]:
    """Name, address and whether it is shown: so many days up to the last one, and before."""
    days = len(shown.days)
    found = []
    for n in WINDOWS:
        first = shown.last - timedelta(days=n - 1)
        name = f"{n} day" + ("" if n == 1 else "s")
        found.append((name, query_of(replace(shown, first=first), currency=currency), n == days))
    before = replace(
        shown, first=shown.first - timedelta(days=days), last=shown.first - timedelta(days=1)
    )
    return [("Earlier", query_of(before, currency=currency), False), *found]


def zones(shown: Period, currency: str) -> list[tuple[str, str, bool]]:
    """The zones that one can switch between: Stripe's, the snapshots', and the one shown."""
    names = dict.fromkeys([DEFAULT_ZONE, snapshots_zone(), shown.zone.key])
    span = {"from": str(shown.first), "to": str(shown.last), "currency": currency}
    return [(name, "?" + urlencode({**span, "tz": name}), name == shown.zone.key) for name in names]


@require_safe
@requires(*ROWS)
@from_one_snapshot
def rows(request: HttpRequest) -> HttpResponse:
    """The rows that add up to a residual, ``PAGE`` at a time."""
    query = request.GET
    currency, number = query.get("currency", ""), query.get("page", "1")
    step = STEPS.get(query.get("step", ""))
    residual = RESIDUALS.get((step, query.get("residual", ""))) if step else None
    if not (residual and CURRENCY.fullmatch(currency) and NUMBER.fullmatch(number)):
        raise Http404
    try:
        shown = asked(query)
    except BadPeriod as error:
        raise Http404(str(error)) from None
    page = int(number)
    found = residual_rows(shown, currency, residual, limit=PAGE, offset=(page - 1) * PAGE)
    if page > 1 and not found.rows:
        raise Http404
    first = (page - 1) * PAGE + 1
    last = first + len(found.rows) - 1
    context = {
        "section": "reconciliation",
        "residual": residual,
        "period": shown,
        "currency": currency,
        "found": found,
        "rows": [(row, linked(row, request)) for row in found.rows],
        "first": first,
        "last": last,
        "back": reverse("reconciliation") + query_of(shown, currency=currency),
        "before": rows_url(shown, currency, residual, page=str(page - 1)) if page > 1 else "",
        "after": (
            rows_url(shown, currency, residual, page=str(page + 1)) if last < found.count else ""
        ),
    }
    return render(request, "monitoring/reconciliation_rows.html", context)


def linked(row: Row, request: HttpRequest) -> SafeString | str:
    """The row's id, or the order's number; with its page in the admin for those who work there."""
    text = row.counterpart if row.kind == "order" else row.key
    model = MODELS.get(row.kind)
    if model is None:  # a snapshot: it is told by its day
        return row.counterpart
    return admin_link(model, row.key, text) if getattr(request.user, "is_staff", False) else text


@require_POST
@requires(*ROWS)
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The shown days as CSV, in all currencies."""
    try:
        shown = asked(request.GET)
    except BadPeriod as error:
        raise Http404(str(error)) from None
    return download_response("reconciliation", report.export(reconcile(shown)))
