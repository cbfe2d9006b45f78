"""The rows behind a line of the bridge, and the bridge as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analyticsapp.bridge.lines import CATEGORY, FEE, FIXED, Line, line_of
from analyticsapp.bridge.report import export
from analyticsapp.drilldown.bridge import rows_of_line
from analyticsapp.drilldown.rows import MOST_DAYS, page, total
from analyticsapp.periods import BadPeriod, Period, period_of
from analyticsapp.selectors.bridge import bridge
from analyticsapp.selectors.freshness import freshness
from analyticsapp.views.money import EXPORT, VIEW
from analyticsapp.views.rows import link, mark, place
from auditlog.access import requires
from auditlog.exports import download_response
from auditlog.snapshot import from_one_snapshot
from payments.money import CURRENCY

LONGEST_KEY = 80


@require_safe
@requires(VIEW)
@from_one_snapshot
def bridge_rows(request: HttpRequest) -> HttpResponse:
    """The rows behind a line: ``?month=2026-10&currency=eur&line=fee:stripe_fee``; those with one
    ``counterpart`` alone, ``older`` and ``newer`` go on from a row."""
    query = request.GET
    currency, counterpart = query.get("currency", ""), query.get("counterpart", "")
    line, period = asked_line(query.get("line", "")), asked_period(request)
    if not (CURRENCY.fullmatch(currency) and (not counterpart or CURRENCY.fullmatch(counterpart))):
        raise Http404("There is no such currency.")
    part = rows_of_line(line.name, line.key, counterpart)
    sum_of = total(part, period, currency)
    found = page(
        part,
        period,
        currency,
        older_than=place(query.get("older", "")),
        newer_than=place(query.get("newer", "")),
    )
    shown = sum(
        cell.amount
        for cell in bridge(period).cells
        if (cell.line, cell.currency) == (line.key, currency)
        and counterpart in ("", cell.counterpart)
    )
    keep = {"line": line.key, "currency": currency}
    if counterpart:
        keep["counterpart"] = counterpart

    def url(**more: str) -> str:
        return f"?{period.query}&{urlencode({**keep, **more})}"

    now = timezone.now()
    context = {
        "section": "money",
        "line": line,
        "part": part,
        "period": period,
        "currency": currency,
        "counterpart": counterpart,
        "sum": sum_of,
        "shown": shown,
        "agrees": shown == sum_of.amount,
        "rows": [(row, link(request, row)) for row in found.rows],
        "newer": url(newer=mark(found.rows[0])) if found.newer and found.rows else "",
        "older": url(older=mark(found.rows[-1])) if found.older and found.rows else "",
        "newest": url(),
        "back": f"{reverse('money')}?{period.query}&{urlencode({'currency': currency})}",
        "freshness": freshness(now),
        "time_zone": settings.REPORTING_TIME_ZONE,
    }
    return render(request, "analytics/money_rows.html", context)


def asked_line(key: str) -> Line:
    """The line that an address names."""
    if not (key in FIXED or key.startswith((CATEGORY, FEE))) or len(key) > LONGEST_KEY:
        raise Http404("There is no such line.")
    return line_of(key)


def asked_period(request: HttpRequest) -> Period:
    """The period whose rows are asked for; no longer than can be listed."""
    try:
        period = period_of(request.GET, timezone.now())
    except BadPeriod as error:
        raise Http404(str(error)) from None
    if len(period) > MOST_DAYS:
        raise Http404(f"Rows are listed for at most {MOST_DAYS} days.")
    return period


@require_POST
@requires(VIEW, EXPORT)
def export_bridge(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The bridge of the shown days as CSV, in all currencies."""
    try:
        period = period_of(request.GET, timezone.now())
    except BadPeriod as error:
        raise Http404(str(error)) from None
    return download_response("bridge", export(bridge(period)))
