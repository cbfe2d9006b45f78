"""Gives each request an id, and names its actor."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest, HttpResponse

from auditlog.address import client_address
from auditlog.context import Actor, acting_as, current_actor

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Gives the request an id: the one that ``X-Request-ID`` brings, if it is sane, else a new one.

    Audit rows, log lines and the jobs that it causes carry it, and so does the answer, whatever it
    is: this stands before all that may answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        # Django logs what was refused after all middleware, and hands the request on.
        request.request_id = request_id  # type: ignore[attr-defined]
        with acting_as(Actor("anonymous", None, client_address(request), request_id)):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class ActorMiddleware:
    """Makes the signed-in user the actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return self.get_response(request)
        actor = replace(current_actor(), name=request.user.get_username(), user=request.user)
        with acting_as(actor):
            return self.get_response(request)
