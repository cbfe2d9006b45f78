"""The button that has the checks run, and what stands in its place while a run is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect

from auditlog.access import requires
from monitoring.services.under_way import ask_for_run, under_way

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object

MAY_RUN = "monitoring.add_checkrun"
AGAIN = 3  # seconds until a page that shows progress looks again


class RunButton(Base):
    """A mixin for lists that offer it (see the template of monitoring's lists). Where
    ``shows_progress``, the list loads itself anew while a run is under way."""

    shows_progress = False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the button or with how far the run is; two statements more."""
        now_running = under_way()
        context = {
            "may_run_checks": request.user.has_perm(MAY_RUN),
            "under_way": now_running,
            **(extra_context or {}),
        }
        response = super().changelist_view(request, context)
        if now_running and self.shows_progress:
            response["Refresh"] = str(AGAIN)
        return response


@requires(MAY_RUN)
def run_checks_view(request: HttpRequest) -> HttpResponse:
    """Ask for a run, and show the runs."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if ask_for_run():
        messages.success(request, "The checks will be run.")
    else:
        messages.info(request, "A run of the checks is under way already; none was added.")
    return redirect("admin:monitoring_checkrun_changelist")
