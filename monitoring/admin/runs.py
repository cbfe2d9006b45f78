"""Pages of the runs of the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html

from auditlog.readonly import ReadOnlyAdmin
from monitoring.models import CheckRun
from payments.admin.mirror import table

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(CheckRun)
class CheckRunAdmin(ReadOnlyAdmin[CheckRun]):
    list_display = (
        "started_at",
        "took",
        "actor_name",
        "scope",
        "found",
        "opened",
        "reopened",
        "resolved",
        "crashed",
    )
    fields = ("started_at", "finished_at", "took", "actor_name", "scope", "checks_shown")
    readonly_fields = ("took", "scope", "checks_shown")

    @admin.display(description="took")
    def took(self, run: CheckRun) -> str:
        if run.finished_at is None:
            return "not finished"
        return f"{(run.finished_at - run.started_at).total_seconds():.2f} s"

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
