"""Jobs of the queue, in a plain way of ours.

The queue brings admin pages of its own; they need inline styles, which our policy refuses, and
have another spelling of canceled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django.models import ProcrastinateEvent

from auditlog.readonly import ReadOnlyAdmin, pretty_json
from monitoring.models import BackgroundJob
from payments.admin.mirror import moment, table

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

for model in list(admin.site._registry):
    if model._meta.app_label == "procrastinate":
        admin.site.unregister(model)


def spelled(status: str) -> str:
    """The queue's word for a state, in this project's spelling."""
    return "canceled" if status.startswith("cancel") else status.replace("_", " ")


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(spelled(status), spelled(status)) for status in BackgroundJob.STATUSES]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[BackgroundJob]
    ) -> QuerySet[BackgroundJob]:
        stored = {spelled(status): status for status in BackgroundJob.STATUSES}
        value = stored.get(self.value() or "")
        return queryset.filter(status=value) if value else queryset


@admin.register(BackgroundJob)
class BackgroundJobAdmin(ReadOnlyAdmin[BackgroundJob]):
    list_display = ("id", "task_name", "state", "attempts", "scheduled_at", "queue_name")
    list_filter = (StatusFilter,)
    nothing_here = "No job is waiting, and none has failed. What succeeded isn’t kept."
    fields = (
        "id",
        "task_name",
        "state",
        "attempts",
        "scheduled_at",
        "queue_name",
        "queueing_lock",
        "arguments",
        "steps",
    )
    readonly_fields = ("id", "state", "arguments", "steps")

    @admin.display(description="status")
    def state(self, job: BackgroundJob) -> str:
        return spelled(job.status)

    @admin.display(description="arguments")
    def arguments(self, job: BackgroundJob) -> SafeString | str:
        return pretty_json(job.args) if job.args else "–"

    @admin.display(description="timeline")
    def steps(self, job: BackgroundJob) -> SafeString | str:
        """What happened to the job, the newest first."""
        found = ProcrastinateEvent.objects.filter(job_id=job.pk).order_by("-id")[:50]
        lines = [(moment(step.at), spelled(step.type)) for step in found]
        return table(("When", "What"), lines) if lines else "–"
