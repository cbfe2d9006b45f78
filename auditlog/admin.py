"""The audit viewer: everything that was done, for those who may see it, and nothing to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from auditlog.models import AuditEvent
from auditlog.readonly import ReadOnlyAdmin, pretty_json

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def distinct(column: str, limit: int = 200) -> list[str]:
    """The different values of an indexed column, each found by one step into the index.

    ``SELECT DISTINCT`` would read the whole table.
    """
    name = connection.ops.quote_name(column)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE one (value) AS (
                (SELECT {name} FROM auditlog_auditevent ORDER BY {name} LIMIT 1)
                UNION ALL
                SELECT (
                    SELECT {name} FROM auditlog_auditevent WHERE {name} > one.value
                    ORDER BY {name} LIMIT 1
                )
                FROM one WHERE one.value IS NOT NULL
            )
            SELECT value FROM one WHERE value IS NOT NULL LIMIT %s
            """,
            [limit],
        )
        return [value for (value,) in cursor.fetchall()]


class IndexedFilter(admin.SimpleListFilter):
    """Filter by one of the values that an indexed column has."""

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[AuditEvent]
    ) -> list[tuple[str, str]]:
        return [(value, value or "(none)") for value in distinct(self.parameter_name or "")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent]
    ) -> QuerySet[AuditEvent]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{str(self.parameter_name): value})


class ActionFilter(IndexedFilter):
    title = "action"
    parameter_name = "action"


class ActorFilter(IndexedFilter):
    title = "actor"
    parameter_name = "actor_name"


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    list_display = ("at", "action", "actor_name", "target", "reason", "address")
    list_display_links = ("at", "action")
    list_filter = (ActionFilter, ActorFilter, "at")
    search_help_text = "A target's id, or a request id: exactly. Several may be pasted."
    exact_search = ("target_id", "request_id")
    fields = (
        "at",
        "action",
        "actor_name",
        "target",
        "reason",
        "before_values",
        "after_values",
        "address",
        "request",
    )
    readonly_fields = ("target", "before_values", "after_values", "request")

    def search_condition(self, terms: list[str]) -> Q:
        # The index on targets begins with their type.
        types = ["", *(model._meta.label_lower for model in apps.get_models())]
        return Q(request_id__in=terms) | Q(target_type__in=types, target_id__in=terms)

    @admin.display(description="target")
    def target(self, event: AuditEvent) -> SafeString | str:
        """The target, linked to its page where it has one."""
        if not event.target_type:
            return "–"
        label = f"{event.target_type} {event.target_id}"
        name = event.target_type.replace(".", "_")
        try:
            url = reverse(f"admin:{name}_change", args=[quote(event.target_id)])
        except NoReverseMatch:
            return label
        return format_html('<a href="{}">{}</a>', url, label)

    @admin.display(description="request id")
    def request(self, event: AuditEvent) -> SafeString | str:
        """What was done in one request, or one run of a job, belongs together."""
        if not event.request_id:
            return "–"
        url = reverse("admin:auditlog_auditevent_changelist")
        return format_html(
            '<a href="{}?{}">{}</a>', url, urlencode({"q": event.request_id}), event.request_id
        )

    @admin.display(description="before")
    def before_values(self, event: AuditEvent) -> SafeString | str:
        return pretty_json(event.before) if event.before else "–"

    @admin.display(description="after")
    def after_values(self, event: AuditEvent) -> SafeString | str:
        return pretty_json(event.after) if event.after else "–"
