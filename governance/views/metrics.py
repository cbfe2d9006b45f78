"""What Prometheus reads."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from auditlog.access import requires
from governance.metrics.figures import figures
from governance.metrics.latency import durations
from governance.metrics.text import CONTENT_TYPE, exposition

SCHEME = "bearer "


@never_cache
@require_safe
def shown(request: HttpRequest) -> HttpResponse:
    text = exposition([*figures(timezone.now()), durations()])
    return HttpResponse(text, content_type=CONTENT_TYPE)


by_permission = requires("monitoring.view_checkrun")(shown)


def metrics(request: HttpRequest) -> HttpResponseBase:
    """For whoever has the permission, and for who brings ``METRICS_TOKEN``; a wrong one is 401, of
    which no line is logged."""
    given = request.headers.get("Authorization", "")
    if given[: len(SCHEME)].lower() != SCHEME:
        return by_permission(request)
    token = settings.METRICS_TOKEN.encode()
    if token and secrets.compare_digest(given[len(SCHEME) :].strip().encode(), token):
        return shown(request)
    response = HttpResponse("That isn’t the token.", status=401, content_type="text/plain")
    response["WWW-Authenticate"] = "Bearer"
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


metrics.access = by_permission.access  # type: ignore[attr-defined]
