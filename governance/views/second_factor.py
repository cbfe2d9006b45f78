"""The pages of the second factor: giving it, setting it up, and looking after it."""

from __future__ import annotations

from io import BytesIO
from typing import cast

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from auditlog.access import signed_in
from auditlog.bounded import record_bounded
from auditlog.identity import (
    IdentityForm,
    has_second_factor,
    identity_form,
    recently_confirmed,
    verify_code,
)
from governance import second_factor
from governance.second_factor import open_before
from governance.views.identity import way_back

IMAGE_SCALE = 5


class CodeForm(forms.Form):
    """A code of the authenticator, or a recovery code."""

    code = forms.CharField(
        max_length=16,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )


@open_before
@signed_in
@never_cache
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Asks for the second factor after the password."""
    user = cast("User", request.user)
    back = way_back(request)
    if not has_second_factor(user):
        return HttpResponseRedirect(back)  # an address, never a name
    form = CodeForm(request.POST or None)
    if form.is_valid():
        if device := verify_code(user, form.cleaned_data["code"]):
            second_factor.verified(request, device)
            return HttpResponseRedirect(back)  # an address, never a name
        record_bounded("second_factor.failed", user)
        form.add_error("code", "That code isn’t valid now. Wait for the next one, and try that.")
    return render(request, "accounts/verify.html", {"form": form, "next": back})


@open_before
@signed_in
@never_cache
@require_http_methods(["GET", "POST"])
def manage(request: HttpRequest) -> HttpResponse:
    """Shows whether there is a second factor, and sets one up: POST ``begin``, then a ``code``.

    Only who said lately who they are sets one up, or sees its secret: it counts as saying so.
    """
    user = cast("User", request.user)
    if has_second_factor(user):
        if user.otp_device is None:  # type: ignore[attr-defined]
            return redirect("verify")
        return page(request, codes=None)
    identity = identity_form(request)
    if identity is None and request.method == "POST" and "begin" in request.POST:
        second_factor.begin(user)
        return redirect("second_factor")
    device = None if identity else second_factor.being_set_up(user)
    form = CodeForm(request.POST or None)
    if device and form.is_valid():
        codes = second_factor.confirm(request, device, form.cleaned_data["code"])
        if codes:
            messages.success(request, "Your second factor is set up.")
            return page(request, codes=codes)
        form.add_error("code", "That code isn’t valid now. Is the time of your phone right?")
    context = {
        "device": device,
        "identity": identity,
        "form": form,
        "secret": secret(device.config_url) if device else "",
        "required": second_factor.required_of(user),
    }
    return render(request, "accounts/second_factor_setup.html", context)


def page(
    request: HttpRequest, *, codes: list[str] | None, identity: IdentityForm | None = None
) -> HttpResponse:
    """What there is, with what can be done about it; ``codes`` are shown this once."""
    user = cast("User", request.user)
    context = {
        "codes": codes,
        "left": second_factor.codes_left(user),
        "form": identity or IdentityForm(request),
        "required": second_factor.required_of(user),
    }
    return render(request, "accounts/second_factor.html", context)


@signed_in
@never_cache
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """New recovery codes, or no second factor any more, for who says again who they are."""
    user = cast("User", request.user)
    if not has_second_factor(user):
        return redirect("second_factor")
    identity = IdentityForm(request, request.POST)
    if not identity.is_valid():
        return page(request, codes=None, identity=identity)
    if "remove" in request.POST:
        second_factor.remove(user)
        second_factor.forget_session(request)
        messages.success(request, "Your second factor is taken away.")
        return redirect("second_factor")
    return page(request, codes=second_factor.make_codes(user))


@open_before
@signed_in
@never_cache
@require_safe
def image(request: HttpRequest) -> HttpResponse:
    """The secret of the authenticator that is being set up, as a QR code."""
    device = second_factor.being_set_up(cast("User", request.user))
    if device is None or not recently_confirmed(request):
        raise Http404
    drawn = BytesIO()
    segno.make(device.config_url, error="m").save(
        drawn, kind="svg", scale=IMAGE_SCALE, border=4, light="#fff", svgclass=None, lineclass=None
    )
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


def secret(config_url: str) -> str:
    """The secret in groups of four letters, for whoever types it in."""
    _, _, rest = config_url.partition("secret=")
    text = rest.partition("&")[0]
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
