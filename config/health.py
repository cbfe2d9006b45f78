"""``/healthz`` and ``/readyz``: answered before sessions, hosts and redirects come into it."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from payments.selectors import oldest_waiting_event


class HealthMiddleware:
    """Answers health checks itself: probes come by address, over plain HTTP, without a host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.migrated = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        if request.path == "/readyz":
            return self.ready()
        return self.get_response(request)

    def ready(self) -> JsonResponse:
        """200 when requests can be served; 503 with the reason when not."""
        try:
            if not self.migrated:
                executor = MigrationExecutor(connection)
                plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
                if plan:
                    return JsonResponse(
                        {"status": "unready", "reason": f"{len(plan)} migrations to apply"},
                        status=503,
                    )
                self.migrated = True  # they don't get unapplied under a running process
            oldest = oldest_waiting_event()
        except DatabaseError:
            return JsonResponse({"status": "unready", "reason": "no database"}, status=503)
        waiting = (timezone.now() - oldest).total_seconds() if oldest else 0
        return JsonResponse({"status": "ok", "oldest_waiting_event_seconds": round(waiting, 1)})
