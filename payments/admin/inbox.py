"""Pages of the inbox: what Stripe told us, what became of it, and what is still to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from auditlog.access import row_action
from auditlog.readonly import ReadOnlyAdmin, pretty_json
from payments import inbox
from payments.admin.columns import admin_link
from payments.models import MirrorObject, ReadRequest, StripeEvent, SyncCursor

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

MIRRORED = {model.OBJECT: model for model in MirrorObject.__subclasses__()}


class StatusFilter(admin.SimpleListFilter):
    """By status; what needs a hand has indexes of its own."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", "waiting or failing"),
            ("need", "failing or dead"),
            *StripeEvent.Status.choices,
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> QuerySet[StripeEvent]:
        match self.value():
            case None:
                return queryset
            case "open":
                return queryset.filter(status__in=StripeEvent.OPEN)
            case "need":
                return queryset.filter(status__in=StripeEvent.IN_NEED)
            case status:
                return queryset.filter(status=status)


class ObjectFilter(admin.SimpleListFilter):
    title = "object"
    parameter_name = "object_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.replace("_", " ").replace(".", " ")) for name in sorted(MIRRORED)]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[StripeEvent]
    ) -> QuerySet[StripeEvent]:
        value = self.value()
        return queryset if value is None else queryset.filter(object_type=value)


def first_line(text: str) -> str:
    """The end of an error says what it was."""
    lines = text.strip().splitlines()
    return lines[-1][:120] if lines else ""


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin[StripeEvent]):
    list_display = (
        "received_at",
        "type",
        "status",
        "object",
        "short_error",
        "attempts",
    )
    list_display_links = ("received_at", "type")
    list_filter = (StatusFilter, ObjectFilter, "received_at")
    ordering = ("-id",)
    search_help_text = "The id of an event, or of the object that it is about: exactly."
    exact_search = ("stripe_id", "object_id")
    actions = ("retry",)
    page_actions = ("retry",)
    readonly_fields = ("object", "live", "pretty_payload")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "stripe_id",
                    "type",
                    "object",
                    "source",
                    "as_of",
                    "received_at",
                    "delivered_at",
                    "request_id",
                )
            },
        ),
        (
            "Processing",
            {"fields": ("status", "attempts", "not_before", "processed_at", "error", "note")},
        ),
        ("What Stripe said", {"fields": ("api_version", "live", "reduced_for", "pretty_payload")}),
    )

    def search_condition(self, terms: list[str]) -> Q:
        # The index on objects begins with their type.
        return Q(stripe_id__in=terms) | Q(object_type__in=list(MIRRORED), object_id__in=terms)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StripeEvent]:
        """Events without their payloads, which the list doesn't show and which are long."""
        return super().get_queryset(request).defer("payload")

    @admin.display(description="object")
    def object(self, event: StripeEvent) -> SafeString | str:
        model = MIRRORED.get(event.object_type)
        return admin_link(model, event.object_id) if model else event.object_id

    @admin.display(description="error")
    def short_error(self, event: StripeEvent) -> str:
        return first_line(event.error)

    @admin.display(description="livemode")
    def live(self, event: StripeEvent) -> str:
        return "yes" if event.livemode else "no"

    @admin.display(description="payload")
    def pretty_payload(self, event: StripeEvent) -> SafeString:
        return pretty_json(event.payload)

    def offers(self, action: str, obj: StripeEvent) -> bool:
        return obj.status in StripeEvent.IN_NEED

    @row_action("Retry", "payments.replay_stripeevent")
    def retry(self, request: HttpRequest, queryset: QuerySet[StripeEvent]) -> HttpResponse | None:
        """Ask for a reason, then make failed and dead events due now."""
        chosen = queryset.filter(status__in=StripeEvent.IN_NEED).order_by("id")
        reason = request.POST.get("reason", "").strip()
        confirmed = "confirmed" in request.POST
        if confirmed and reason:
            count = inbox.retry(list(chosen.values_list("pk", flat=True)), reason=reason[:500])
            self.message_user(
                request,
                f"{count} event{'' if count == 1 else 's'} will be tried again now.",
                messages.SUCCESS if count else messages.WARNING,
            )
            return None
        events = list(chosen.only("pk", "type", "stripe_id")[:1000])
        if not events:
            self.message_user(
                request,
                "Only failed and dead events can be tried again; none was chosen.",
                messages.WARNING,
            )
            return None
        return TemplateResponse(
            request,
            "auditlog/confirm.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Retry events",
                "explanation": f"{len(events)} event{'' if len(events) == 1 else 's'} will be "
                "tried again at once, as if just received:",
                "rows": events[:20],
                "more": max(len(events) - 20, 0),
                "keys": [event.pk for event in events],
                "action": "retry",
                "confirm": "Retry",
                "reason": reason,
                "error": "Say why." if confirmed else "",
            },
        )


@admin.register(ReadRequest)
class ReadRequestAdmin(ReadOnlyAdmin[ReadRequest]):
    list_display = ("kind", "key", "attempts", "not_before", "created_at", "short_error")
    ordering = ("id",)
    nothing_here = "Nothing is waiting to be read."

    @admin.display(description="error")
    def short_error(self, wish: ReadRequest) -> str:
        return first_line(wish.error)


@admin.register(SyncCursor)
class SyncCursorAdmin(ReadOnlyAdmin[SyncCursor]):
    list_display = ("resource", "since", "stored", "started_at", "finished_at", "short_error")

    @admin.display(description="error")
    def short_error(self, cursor: SyncCursor) -> str:
        return first_line(cursor.error)
