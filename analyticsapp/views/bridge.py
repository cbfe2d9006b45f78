"""The rows behind a line of the bridge, and the bridge as a file."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analyticsapp.addresses import query_of
from analyticsapp.bridge.lines import CATEGORY, FEE, FIXED, Line, line_of
from analyticsapp.bridge.report import export
from analyticsapp.days import Window
from analyticsapp.drilldown.bridge import rows_of_line
from analyticsapp.drilldown.rows import MOST_DAYS, total
from analyticsapp.kpis import Unit
from analyticsapp.periods import BadPeriod, Period, period_of
from analyticsapp.selectors.bridge import bridge, line_in
from analyticsapp.views.listing import Month, listing
from analyticsapp.views.money import EXPORT, line_address
from analyticsapp.views.page import VIEW, head
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
    ``counterpart`` alone, ``older`` and ``newer`` go on from a row. Of a long period they are
    listed by month, which ``part`` names: ``2026-10``."""
    query = request.GET
    currency, counterpart = query.get("currency", ""), query.get("counterpart", "")
    line, period = asked_line(query.get("line", "")), asked_period(request)
    if not (CURRENCY.fullmatch(currency) and (not counterpart or CURRENCY.fullmatch(counterpart))):
        raise Http404("There is no such currency.")
    _, context = head(request, "money")

    def url(**more: str) -> str:
        return line_address(period, currency, line.key, counterpart, **more)

    context |= {
        "line": line,
        "currency": currency,
        "counterpart": counterpart,
        "unit": Unit.MONEY,
        "most_days": MOST_DAYS,
        "back": reverse("money") + query_of(period.query, currency),
    }
    months = {} if len(period) <= MOST_DAYS else {month_name(one): one for one in period.months()}
    name = query.get("part", "")
    if name and name not in months:
        raise Http404("The period has no such month.")
    if months and not name:
        cells = line_in([period, *months.values()], period, line.key, currency, counterpart)
        context["figure"] = cells[0].amount
        context["months"] = [
            Month(month, cell.amount, url(part=name))
            for (name, month), cell in zip(months.items(), cells[1:], strict=True)
        ][::-1]
        return render(request, "analytics/money_rows.html", context)
    window, named = (months[name], {"part": name}) if name else (period, {})
    part = rows_of_line(line.name, line.key, period, counterpart)
    [shown] = line_in([window], period, line.key, currency, counterpart)
    found = total(part, window, currency)
    context |= {
        "window": window,
        "all_months": url() if name else "",
        "sum": found,
        "shown": shown.amount,
        "agrees": shown.amount == found.amount,
        **listing(request, part, window, currency, lambda **more: url(**named, **more)),
    }
    return render(request, "analytics/money_rows.html", context)


def month_name(month: Window) -> str:
    """``2026-10``."""
    return f"{month.first:%Y-%m}"


def asked_line(key: str) -> Line:
    """The line that an address names."""
    if not (key in FIXED or key.startswith((CATEGORY, FEE))) or len(key) > LONGEST_KEY:
        raise Http404("There is no such line.")
    return line_of(key)


def asked_period(request: HttpRequest) -> Period:
    """The period that an address names."""
    try:
        return period_of(request.GET, timezone.now())
    except BadPeriod as error:
        raise Http404(str(error)) from None


@require_POST
@requires(VIEW, EXPORT)
def export_bridge(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The bridge of the shown days as CSV, in all currencies."""
    return download_response("bridge-statement", export(bridge(asked_period(request))))
