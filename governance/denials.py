"""Attempts at what a person may not do, in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.models import AuditEvent
from auditlog.services import record

ACTION = "permission.denied"
# Whoever hammers at a closed door is in the log, but doesn't fill it.
MOST = 20
WITHIN = timedelta(minutes=1)
LONGEST_PATH = 200


class DenialMiddleware:
    """Records what a signed-in person was refused: by a view, or at the door of the admin.

    Whoever isn't signed in is only sent to sign in, which isn't worth a row: anybody could write
    millions.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # The admin sends away who isn't staff as if they weren't signed in.
        if response.status_code == 302 and response["Location"].startswith(
            f"{reverse('admin:login')}?"
        ):
            record_denial(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Called outside the view, whose transaction has been rolled back."""
        if isinstance(exception, PermissionDenied):
            record_denial(request)


def record_denial(request: HttpRequest) -> bool:
    """Record, in a transaction of its own, that the signed-in person was refused what they asked
    for; say whether it was. At most ``MOST`` a person within ``WITHIN``."""
    user = request.user
    if not user.is_authenticated:
        return False
    now = timezone.now()
    recent = AuditEvent.objects.filter(
        at__gt=now - WITHIN, action=ACTION, actor_name=current_actor().name
    )
    if recent.count() >= MOST:
        return False
    with transaction.atomic():
        record(
            ACTION,
            after={
                "path": request.path[:LONGEST_PATH],
                "method": request.method,
                "roles": sorted(user.groups.values_list("name", flat=True)),
            },
        )
    return True
