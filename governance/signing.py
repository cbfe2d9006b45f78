"""Signing in, out, and in vain, in the audit log: by whatever view it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from auditlog.context import acting_as, current_actor
from auditlog.models import AuditEvent
from auditlog.services import record
from governance.audited import SIGN_IN_FAILED, SIGNED_IN, SIGNED_OUT

# Whoever tries one password after the other is in the log, but doesn't fill it.
MOST = 20
WITHIN = timedelta(minutes=1)


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
    """Which account it was, where there is one. What was typed isn't kept: people type passwords
    into the wrong field. At most ``MOST`` from one address within ``WITHIN``."""
    if not came_by_web(request):
        return
    name = str(credentials.get("username", "")).replace("\0", "")
    recent = AuditEvent.objects.filter(
        at__gt=timezone.now() - WITHIN, action=SIGN_IN_FAILED, address=current_actor().address
    )
    if recent.order_by()[:MOST].count() < MOST:
        user = User.objects.filter(username=name).first()
        with transaction.atomic():
            record(SIGN_IN_FAILED, user, after={"known": user is not None})


def came_by_web(request: HttpRequest | None) -> bool:
    """Whether a person sent the request: scripts and tests sign in with an empty one, or none."""
    return request is not None and request.method is not None
