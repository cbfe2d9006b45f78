"""How long somebody stays signed in: so long from signing in, and so long from the last request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions import middleware as sessions
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

STARTED_AT = "session_started_at"
SEEN_AT = "session_seen_at"
# The last request is written down this often at most, so that reading pages writes little.
GRAIN = 60  # seconds


@receiver(user_logged_in)
def start(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Both times begin with signing in, which also gives the session a new key."""
    request.session[STARTED_AT] = request.session[SEEN_AT] = int(time.time())


class SessionMiddleware(sessions.SessionMiddleware):
    """Django's own, but where Stripe calls nobody is signed in, whatever cookie is sent along:
    anybody can call there, and none of them should cost a look into the database."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path == reverse("stripe-webhook"):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        super().process_request(request)


class SessionAgeMiddleware:
    """Ends sessions that are too old or were left alone too long.

    A cookie's own age isn't enough: whatever is written to a session renews it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = int(time.time())
            # A session of before this was written down is over.
            started = request.session.get(STARTED_AT, 0)
            seen = request.session.get(SEEN_AT, 0)
            if (
                now - started >= settings.SESSION_COOKIE_AGE
                or now - seen >= settings.SESSION_IDLE_SECONDS
            ):
                logout(request)
            elif now - seen >= GRAIN:
                request.session[SEEN_AT] = now
        return self.get_response(request)
