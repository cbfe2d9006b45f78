"""The second factor: an authenticator app (TOTP, RFC 6238) and recovery codes for when it is lost.

Whoever has one is asked for a code after their password, and may open nothing before. Where
``SECOND_FACTOR_REQUIRED``, whoever may move money must have one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_otp import DEVICE_ID_SESSION_KEY, login
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from auditlog.identity import has_second_factor, mark_confirmed
from auditlog.services import record

MOVES_MONEY = ("orders.refund_order", "payments.settle_refundrequest")
CODES = 10


def moves_money(user: User) -> bool:
    """Whether the person may have money sent away."""
    return any(user.has_perm(permission) for permission in MOVES_MONEY)


def required_of(user: User) -> bool:
    """Whether the person must have a second factor."""
    return settings.SECOND_FACTOR_REQUIRED and moves_money(user)


def open_before(view: Any) -> Any:
    """Mark a view as open to those who haven't given their second factor yet."""
    view.before_second_factor = True
    return view


class SecondFactorMiddleware:
    """Sends people to give their second factor, or to set one up, before anything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User) or user.otp_device is not None:  # type: ignore[attr-defined]
            return None
        if getattr(view, "before_second_factor", False):
            return None
        if user.has_authenticator:  # type: ignore[attr-defined]  # governance.backends
            back = request.get_full_path() if request.method == "GET" else "/"
            return redirect(f"{reverse('verify')}?{urlencode({'next': back})}")
        if required_of(user):
            return redirect("second_factor")
        return None


def verified(request: HttpRequest, device: Device) -> None:
    """The person gave the second factor: this session knows it, under a new key."""
    with transaction.atomic():
        request.session.cycle_key()
        login(request, device)
        mark_confirmed(request)
        record("second_factor.given", request.user, after={"with": kind(device)})  # type: ignore[arg-type]


def kind(device: Device) -> str:
    return "recovery code" if isinstance(device, StaticDevice) else "authenticator"


def being_set_up(user: User) -> TOTPDevice | None:
    """The authenticator that the person has begun to set up."""
    return TOTPDevice.objects.filter(user=user, confirmed=False).order_by("-id").first()


def begin(user: User) -> TOTPDevice:
    """Begin anew to set up an authenticator: it has a secret of its own, and counts for nothing
    until a code of it has been given."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user, confirmed=False).delete()
        device: TOTPDevice = TOTPDevice.objects.create(
            user=user, name="authenticator", confirmed=False
        )
        record("second_factor.begun", target=user)
    return device


def confirm(request: HttpRequest, device: TOTPDevice, code: str) -> list[str] | None:
    """Take the authenticator into use if ``code`` is one of its; return the recovery codes, which
    are shown this once. None if it isn't."""
    user = device.user
    if not device.verify_token(code.replace(" ", "")):
        return None
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.confirmed = True
        device.save()
        record("second_factor.added", target=user)
        codes = make_codes(user)
        verified(request, device)
    return codes


def make_codes(user: User) -> list[str]:
    """New recovery codes, each good once, in place of those that there were."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="recovery codes", confirmed=True)
        codes = [StaticToken.random_token() for _ in range(CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
        record("second_factor.codes_made", target=user)
    return codes


def codes_left(user: User) -> int:
    """How many recovery codes are still good."""
    return int(StaticToken.objects.filter(device__user=user, device__confirmed=True).count())


def remove(user: User, *, reason: str = "") -> bool:
    """Take the person's second factor away; say whether there was one."""
    with transaction.atomic():
        found = has_second_factor(user)
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
        if found:
            record("second_factor.removed", target=user, reason=reason)
    return found


def forget_session(request: HttpRequest) -> None:
    """This session has no second factor any more."""
    request.session.pop(DEVICE_ID_SESSION_KEY, None)
