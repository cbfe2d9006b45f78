"""The exports: what there is, who took what, and taking it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analyticsapp.exports import PACKS, PERSONAL, Scope, all_exports, exports_of
from analyticsapp.exports.contract import schema_version
from analyticsapp.exports.sending import may_take, packs_of, take, take_pack
from analyticsapp.periods import BadPeriod, period_of
from analyticsapp.selectors.exports import currencies, taken_lately
from analyticsapp.views.page import head
from auditlog.access import requires_any
from auditlog.exports import download_response
from auditlog.snapshot import from_one_snapshot
from payments.money import CURRENCY

TAKING = tuple(dict.fromkeys(pack.permission for pack in PACKS.values()))


@require_safe
@requires_any(*TAKING)
@from_one_snapshot
def exports(request: HttpRequest) -> HttpResponse:
    """The packs that the person may take, for the days that the address names."""
    packs = packs_of(request.user)
    _, context = head(request, "exports")
    context |= {
        "packs": [(pack, exports_of(pack)) for pack in packs],
        "currencies": currencies(),
        "may_have_personal": request.user.has_perm(PERSONAL),
        "lately": taken_lately([pack.name for pack in packs]),
        "version": schema_version(),
    }
    return render(request, "analytics/exports.html", context)


@require_POST
def download(request: HttpRequest, name: str) -> HttpResponse | StreamingHttpResponse:
    """An export as CSV, or a pack as a zip: the days by the address, currency and whether with
    personal data by the form. Its address says who may."""
    export = all_exports().get(name)
    pack = export.pack if export else PACKS[name]
    currency = request.POST.get("currency", "")
    personal = request.POST.get("personal", "") == "yes"
    try:
        period = period_of(request.GET, timezone.now())
        if currency and not CURRENCY.fullmatch(currency):
            raise BadPeriod(f"{currency[:10]!r} is no currency such as eur.")
    except BadPeriod as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("exports"))
    scope = Scope(period.first, period.last, currency, personal)
    if not may_take(request.user, pack, scope):
        raise PermissionDenied
    if export:
        return download_response(name, take(export, scope))
    return download_response(
        f"countinghouse-{name}",
        take_pack(pack, scope),
        suffix="zip",
        content_type="application/zip",
    )
