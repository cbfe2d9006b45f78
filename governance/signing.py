"""Signing in, out, in vain, and being locked out, in the audit log: by whatever view it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from auditlog.bounded import record_bounded
from auditlog.context import acting_as, current_actor
from auditlog.services import record
from governance.audited import LOCKED_OUT, SIGN_IN_FAILED, SIGNED_IN, SIGNED_OUT


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """The one who acts is the one who has just signed in."""
    if came_by_web(request):
        actor = replace(current_actor(), name=user.get_username(), user=user)
        with acting_as(actor), transaction.atomic():
            record(SIGNED_IN, user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None and came_by_web(request):
        with transaction.atomic():
            record(SIGNED_OUT, user)


@receiver(user_login_failed)
def sign_in_failed(
    credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Which account it was, where there is one."""
    if came_by_web(request):
        record_attempt(SIGN_IN_FAILED, credentials.get("username"))


@receiver(user_locked_out)
def locked_out(username: str | None, request: HttpRequest | None = None, **kwargs: Any) -> None:
    if came_by_web(request):
        record_attempt(LOCKED_OUT, username)


def record_attempt(action: str, username: str | None) -> None:
    """What was typed isn't kept: people type passwords into the wrong field."""
    name = (username or "").replace("\0", "")
    user = User.objects.filter(username=name).first()
    record_bounded(action, user, after={"known": user is not None})


def came_by_web(request: HttpRequest | None) -> bool:
    """Whether a person sent the request: scripts and tests sign in with an empty one, or none."""
    return request is not None and request.method is not None
