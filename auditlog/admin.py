"""The audit viewer: everything that was done, for those who may see it, and nothing to change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from auditlog.access import guarded, needs
from auditlog.actions import meaning_of
from auditlog.differences import Difference, differences
from auditlog.event_export import export_events
from auditlog.event_filters import (
    ActionFilter,
    ActorFilter,
    AskedFilter,
    target_types,
)
from auditlog.exports import download_response
from auditlog.idranges import in_words
from auditlog.models import AuditEvent, AuditSeal
from auditlog.readonly import ReadOnlyAdmin

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

EXPORT = "auditlog.export_auditevent"
SHOWN_IN_LIST = 3
LONGEST_IN_LIST = 120


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin[AuditEvent]):
    change_list_template = "auditlog/events.html"
    # Beginning with the time, as the indexes have it: a day long ago is found at once.
    ordering = ("-at", "-id")
    list_display = ("at", "action", "actor_name", "target", "changes", "reason")
    list_display_links = ("at", "action")
    list_filter = (AskedFilter, ActionFilter, ActorFilter)
    search_help_text = "A target's id, or a request id: exactly. Several may be pasted."
    exact_search = ("target_id", "request_id")
    fields = (
        "id",
        "at",
        "what",
        "actor_name",
        "target",
        "reason",
        "values",
        "address",
        "request",
    )
    readonly_fields = ("id", "what", "target", "values", "request")

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "export/",
            self.admin_site.admin_view(
                guarded(self.access_to("view") & needs(EXPORT))(require_POST(self.export_view))
            ),
            name="auditlog_auditevent_export",
        )
        return [own, *super().get_urls()]

    def search_condition(self, terms: list[str]) -> Q:
        # The index on targets begins with their type.
        return Q(request_id__in=terms) | Q(target_type__in=target_types(), target_id__in=terms)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"may_export": request.user.has_perm(EXPORT), **(extra_context or {})}
        return super().changelist_view(request, context)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """What the list at this query string shows, all pages of it, as CSV."""
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:auditlog_auditevent_changelist"))
        return download_response("audit", export_events(shown.queryset, request.GET.dict()))

    @admin.display(description="action")
    def what(self, event: AuditEvent) -> SafeString:
        """The action, and what it means."""
        return format_html("<strong>{}</strong> {}", event.action, meaning_of(event.action))

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
            '<a href="{}?{}">{}</a>',
            url,
            urlencode({"request_id": event.request_id}),
            event.request_id,
        )

    @admin.display(description="what changed")
    def changes(self, event: AuditEvent) -> str:
        """The first few values that changed."""
        found = [str(one) for one in differences(event.before, event.after) if one.kind]
        text = "; ".join(found[:SHOWN_IN_LIST])
        if len(text) > LONGEST_IN_LIST:
            text = f"{text[:LONGEST_IN_LIST]}…"
        more = len(found) - SHOWN_IN_LIST
        return f"{text} and {more} more" if more > 0 else text or "–"

    @admin.display(description="what changed")
    def values(self, event: AuditEvent) -> SafeString | str:
        """All values, before and after, what changed marked by a word."""
        found = differences(event.before, event.after)
        if not found:
            return "–"
        return as_table(found, with_before=bool(event.before))


def as_table(found: Sequence[Difference], *, with_before: bool) -> SafeString:
    """Before and after side by side; only one column where there was nothing before."""
    if not with_before:
        rows = format_html_join(
            "",
            "<tr><th scope=row>{}</th><td>{}</td></tr>",
            ((one.name, one.after) for one in found),
        )
        head = format_html("<tr><th scope=col>{}</th><th scope=col>{}</th></tr>", "What", "Value")
    else:
        rows = format_html_join(
            "",
            '<tr class="{}"><th scope=row>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>',
            (
                (
                    one.kind or "same",
                    one.name,
                    marked("del", one.before, one.kind),
                    marked("ins", one.after, one.kind),
                    one.kind,
                )
                for one in found
            ),
        )
        head = format_html_join(
            "", "<th scope=col>{}</th>", ((word,) for word in ("What", "Before", "After", "Change"))
        )
        head = format_html("<tr>{}</tr>", head)
    return format_html(
        '<table class="evidence diff"><caption class="visually-hidden">Values before and after'
        "</caption><thead>{}</thead><tbody>{}</tbody></table>",
        head,
        rows,
    )


def marked(element: str, text: str | None, kind: str) -> SafeString | str:
    """A value, within ``ins`` or ``del`` where it came or went."""
    if text is None:
        return "–"
    return format_html("<{0}>{1}</{0}>", element, text) if kind else text


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin[AuditSeal]):
    """The seals; ``manage.py verify_audit`` holds the log against them."""

    list_display = ("number", "at", "rows_figure", "rows", "digest")
    fields = ("number", "at", "rows_figure", "rows", "left_out", "waiting", "previous", "digest")
    readonly_fields = ("rows_figure", "rows", "left_out", "waiting")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditSeal]:
        return super().get_queryset(request).defer("row_digests")

    @admin.display(description="rows")
    def rows_figure(self, seal: AuditSeal) -> SafeString:
        """How many rows it seals."""
        return format_html('<span class="figure">{}</span>', f"{seal.count:,}")

    @admin.display(description="ids of its rows")
    def rows(self, seal: AuditSeal) -> str:
        """Which rows it seals."""
        return in_words(seal.ids) or "–"

    @admin.display(description="ids without a row")
    def left_out(self, seal: AuditSeal) -> str:
        """Which ids were given to transactions that were rolled back."""
        return in_words(seal.void) or "–"

    @admin.display(description="ids left to a later seal")
    def waiting(self, seal: AuditSeal) -> str:
        """Which ids belonged to transactions that went on."""
        return in_words(seal.pending) or "–"
