"""Names the actor of each request."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from auditlog.address import client_address
from auditlog.context import Actor, acting_as

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class ActorMiddleware:
    """Makes the signed-in user the actor, and gives the request an id that its audit rows carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        user = request.user if request.user.is_authenticated else None
        actor = Actor(
            name=user.get_username() if user else "anonymous",
            user=user,
            address=client_address(request),
            request_id=request_id,
        )
        with acting_as(actor):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
