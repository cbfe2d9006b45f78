"""Pages of the runs of the checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import path
from django.utils.html import format_html

from auditlog.readonly import ReadOnlyAdmin
from monitoring import registry
from monitoring.admin.run_button import RunButton, run_checks_view
from monitoring.models import CheckRun
from monitoring.services.under_way import alive
from payments.admin.mirror import table

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


def figure(name: str, heading: str) -> Callable[[CheckRun], SafeString]:
    """A column of the list that shows the count ``name``."""

    @admin.display(description=heading)
    def shown(run: CheckRun) -> SafeString:
        return format_html('<span class="figure">{}</span>', f"{getattr(run, name):,}")

    return shown


FIGURES = (
    figure("found", "found"),
    figure("opened", "new"),
    figure("reopened", "re-opened"),
    figure("resolved", "resolved"),
    figure("crashed", "could not run"),
)


@admin.register(CheckRun)
class CheckRunAdmin(RunButton, ReadOnlyAdmin[CheckRun]):
    shows_progress = True
    nothing_here = "The checks have not run yet."
    list_display = (
        "started_at",
        "state",
        "took",
        "actor_name",
        "scope",
        *FIGURES,
    )
    fields = ("started_at", "finished_at", "state", "took", "actor_name", "scope", "checks_shown")
    readonly_fields = ("state", "took", "scope", "checks_shown")

    def get_urls(self) -> list[URLPattern]:
        """The button's address, before Django's own."""
        view = self.admin_site.admin_view(run_checks_view)
        return [path("run/", view, name="monitoring_checkrun_run"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CheckRun]:
        """The runs, with which of them are alive."""
        runs: QuerySet[CheckRun] = super().get_queryset(request)
        return runs.annotate(alive=alive())

    @admin.display(description="state")
    def state(self, run: CheckRun) -> str:
        """Finished, or how far it is, or how far it was when its process died."""
        if run.finished_at is not None:
            return "finished"
        of = len(run.only) or len(registry.all_checks())
        if getattr(run, "alive", False):
            return f"under way, {len(run.results)} of {of} checks done"
        return f"died after {len(run.results)} of {of} checks: its process was ended"

    @admin.display(description="took")
    def took(self, run: CheckRun) -> SafeString | str:
        if run.finished_at is None:
            return "–"
        seconds = (run.finished_at - run.started_at).total_seconds()
        return format_html('<span class="figure">{} s</span>', f"{seconds:.2f}")

    @admin.display(description="checks")
    def scope(self, run: CheckRun) -> str:
        return ", ".join(run.only) or "all"

    @admin.display(description="results")
    def checks_shown(self, run: CheckRun) -> SafeString | str:
        """What became of each check."""
        lines = [
            (
                result["check"].replace("_", " "),
                result["found"],
                result["opened"],
                result["reopened"],
                result["resolved"],
                format_html('<span class="figure">{} ms</span>', f"{result['milliseconds']:,}"),
                result["error"].splitlines()[0] if result["error"] else "",
            )
            for result in run.results
        ]
        head = ("Check", "Found", "New", "Re-opened", "Resolved", "Time", "Could not run")
        return table(head, lines) if lines else "–"
