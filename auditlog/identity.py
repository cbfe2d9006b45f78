"""Saying again who one is: before what a stolen session must not do.

Signing in counts, and counts for ``IDENTITY_MINUTES``. After that a form that needs it has the
fields of :class:`IdentityForm` added, so that nothing of what was filled in is lost.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django_otp import verify_token
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from auditlog.bounded import record_bounded
from auditlog.services import record

if TYPE_CHECKING:
    from django.contrib.auth.models import User

CONFIRMED_AT = "identity_confirmed_at"
DIGITS = 6


def recently_confirmed(request: HttpRequest) -> bool:
    """Whether the person said who they are within ``IDENTITY_MINUTES``."""
    age = time.time() - float(request.session.get(CONFIRMED_AT, 0))
    return 0 <= age < float(settings.IDENTITY_MINUTES * 60)


def confirmed_until(request: HttpRequest) -> datetime:
    """Up to when what the person last said of who they are counts, or counted."""
    said_at = datetime.fromtimestamp(float(request.session.get(CONFIRMED_AT, 0)), UTC)
    return said_at + timedelta(minutes=settings.IDENTITY_MINUTES)


def mark_confirmed(request: HttpRequest) -> None:
    """They said it now."""
    request.session[CONFIRMED_AT] = time.time()


@receiver(user_logged_in)
def signing_in_counts(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    mark_confirmed(request)


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator that they have used once."""
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def verify_code(user: User, code: str) -> Device | None:
    """What the code proves: the person's authenticator, or their recovery codes, of which it is
    used up. None if it is wrong, was used before, or comes too soon after wrong ones."""
    code = code.replace(" ", "").replace("-", "").lower()
    kind = TOTPDevice if code.isdecimal() and len(code) == DIGITS else StaticDevice
    for device in kind.objects.devices_for_user(user, confirmed=True):
        if found := verify_token(user, device.persistent_id, code):
            return found
    return None


def is_own_password(request: HttpRequest, password: str) -> bool:
    """Whether it is the signed-in person's. A wrong one counts towards the lock-out, as at the
    door."""
    user = cast("User", request.user)
    found = authenticate(request, username=user.get_username(), password=password)
    return found is not None and found.pk == user.pk


class IdentityForm(forms.Form):
    """Password, and a code where there is a second factor. Valid: it is the signed-in person."""

    prefix = "identity"
    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code of your authenticator",
        max_length=16,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "size": 16}
        ),
        help_text="Or a recovery code.",
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        self.request = request
        self.user = cast("User", request.user)
        super().__init__(data)
        if not has_second_factor(self.user):
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        """Marks the session where both are right; what is wrong counts towards the lock-out."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        if not is_own_password(self.request, cleaned["password"]):
            raise forms.ValidationError("That isn’t your password.")
        if "code" in self.fields and verify_code(self.user, cleaned["code"]) is None:
            record_bounded("second_factor.failed", self.user)
            raise forms.ValidationError("That code isn’t valid now. Wait for the next one.")
        mark_confirmed(self.request)
        with transaction.atomic():
            record("identity.confirmed", target=self.user)
        return cleaned


def identity_form(request: HttpRequest) -> IdentityForm | None:
    """None if the person said lately who they are, or says it now; else the form to be shown with
    what they sent."""
    if recently_confirmed(request):
        return None
    said = any(name.startswith(f"{IdentityForm.prefix}-") for name in request.POST)
    form = IdentityForm(request, request.POST if said else None)
    return None if said and form.is_valid() else form
