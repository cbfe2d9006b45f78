"""Attempts at what a person may not do, in the audit log."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from auditlog.bounded import record_bounded

LONGEST_PATH = 200


class DenialMiddleware:
    """Records what a signed-in person was refused: by a view, or at the door of the admin.

    Whoever isn't signed in is only sent to sign in, which isn't worth a row.
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


def record_denial(request: HttpRequest) -> None:
    """Record that the signed-in person was refused what they asked for."""
    user = request.user
    if user.is_authenticated:
        record_bounded(
            "permission.denied",
            after={
                "path": request.path[:LONGEST_PATH],
                "method": request.method,
                "roles": sorted(user.groups.values_list("name", flat=True)),
            },
        )
