"""Saying again who one is, where a form has no room for it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from auditlog.access import signed_in
from auditlog.identity import identity_form


@signed_in
@never_cache
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Asks for password and code, and leads back."""
    back = way_back(request)
    form = identity_form(request)
    if form is None:
        return HttpResponseRedirect(back)
    return render(request, "accounts/confirm.html", {"form": form, "next": back})


def to_confirm(request: HttpRequest) -> HttpResponse:
    """Sends there first, and then to what was asked for."""
    back = request.get_full_path() if request.method == "GET" else request.path
    return redirect(f"{reverse('confirm_identity')}?{urlencode({'next': back})}")


def way_back(request: HttpRequest) -> str:
    """The address of ours that ``next`` names; another's leads to the first page instead."""
    back = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return back if ours else "/"
