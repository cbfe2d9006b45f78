"""Pages of refund requests: what was asked for, how far Stripe has answered, and three remedies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from auditlog.access import row_action
from auditlog.readonly import ReadOnlyAdmin
from payments import refund_requests, refund_sending
from payments.admin.columns import money_column
from payments.admin.mirror import reference_column
from payments.models import Charge, Refund, RefundRequest
from payments.refund_limit import identity_for
from payments.refund_requests import RefundImpossible, RequestChanged

Status = RefundRequest.Status
MOST = 100
MAY_SETTLE = "payments.settle_refundrequest"
AMOUNT = money_column("amount")
CHARGE = reference_column("charge", Charge)
REFUND = reference_column("refund", Refund)


class StatusFilter(admin.SimpleListFilter):
    """By status; those that need a look together."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "without an answer"), ("need", "without a refund"), *Status.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RefundRequest]
    ) -> QuerySet[RefundRequest]:
        match self.value():
            case None:
                return queryset
            case "open":
                return queryset.filter(status__in=RefundRequest.OPEN)
            case "need":
                return queryset.filter(status__in=RefundRequest.IN_NEED)
            case status:
                return queryset.filter(status=status)


@dataclass(frozen=True)
class Remedy:
    """Something to be done to requests of these statuses: ``perform`` takes an id and a reason."""

    label: str
    explanation: str
    statuses: tuple[str, ...]
    perform: Callable[[UUID, str], object]
    moves_money: bool = False


REMEDIES = {
    "withdraw": Remedy(
        "Withdraw",
        "These requests are given up. What they asked for can be refunded otherwise.",
        (Status.RECORDED, Status.REFUSED),
        lambda key, reason: refund_requests.withdraw(key, reason=reason),
    ),
    "ask_again": Remedy(
        "Ask Stripe again",
        "Stripe refused these requests, and is asked anew.",
        (Status.REFUSED,),
        lambda key, reason: refund_requests.ask_again(key, reason=reason),
        moves_money=True,
    ),
}


@admin.register(RefundRequest)
class RefundRequestAdmin(ReadOnlyAdmin[RefundRequest]):
    list_display = (
        "asked_at",
        CHARGE,
        AMOUNT,
        "status",
        "asked_by",
        "note",
        "tries",
        "next_at",
        "short_error",
        REFUND,
    )
    list_filter = (StatusFilter,)
    list_select_related = ("asked_by",)
    ordering = ("-asked_at", "-id")
    exact_search = ("charge", "refund")
    search_help_text = "The id of a request, its charge or its refund: exactly."
    actions = ("withdraw", "ask_again")
    page_actions = ("ask_again", "withdraw")
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "id",
                    CHARGE,
                    AMOUNT,
                    "reason",
                    "note",
                    "asked_by",
                    "asked_at",
                )
            },
        ),
        (
            "At Stripe",
            {
                "fields": (
                    "status",
                    REFUND,
                    "attempt",
                    "tries",
                    "first_sent_at",
                    "next_at",
                    "code",
                    "error",
                )
            },
        ),
    )
    readonly_fields: ClassVar[Any] = (AMOUNT, CHARGE, REFUND)

    def search_condition(self, terms: list[str]) -> Q:
        ids = [key for key in map(as_uuid, terms) if key]
        return super().search_condition(terms) | Q(pk__in=ids)

    @admin.display(description="error")
    def short_error(self, row: RefundRequest) -> str:
        return row.error[:120]

    def offers(self, action: str, obj: RefundRequest) -> bool:
        return obj.status in REMEDIES[action].statuses

    @row_action("Withdraw", MAY_SETTLE)
    def withdraw(
        self, request: HttpRequest, queryset: QuerySet[RefundRequest]
    ) -> HttpResponse | None:
        """Give up requests that certainly made no refund."""
        return self.remedy(request, queryset, "withdraw")

    @row_action("Ask Stripe again", MAY_SETTLE)
    def ask_again(
        self, request: HttpRequest, queryset: QuerySet[RefundRequest]
    ) -> HttpResponse | None:
        """Have refused requests sent once more."""
        return self.remedy(request, queryset, "ask_again")

    def remedy(
        self, request: HttpRequest, queryset: QuerySet[RefundRequest], name: str
    ) -> HttpResponse | None:
        """Ask for a reason, then do it row by row and say how it went."""
        remedy = REMEDIES[name]
        rows = list(queryset.filter(status__in=remedy.statuses).order_by("asked_at", "id")[:MOST])
        reason = request.POST.get("reason", "").strip()[: refund_requests.LONGEST_NOTE]
        confirmed = "confirmed" in request.POST
        if not rows:
            words = " or ".join(str(Status(status).label) for status in remedy.statuses)
            self.message_user(
                request, f"Only requests that are {words}; none was chosen.", messages.WARNING
            )
            return None
        identity = None
        if confirmed and reason and remedy.moves_money:
            identity = identity_for(request, [(row.amount, row.currency) for row in rows])
        if confirmed and reason and identity is None:
            done = []
            for row in rows:
                try:
                    remedy.perform(row.pk, reason)
                except (RequestChanged, RefundImpossible) as error:
                    self.message_user(request, f"{row}: {error}.", messages.ERROR)
                else:
                    done.append(row.pk)
            if name == "ask_again":
                refund_sending.send_now(done)
            self.message_user(
                request,
                f"{remedy.label}: {len(done)} request{'' if len(done) == 1 else 's'}.",
                messages.SUCCESS if done else messages.WARNING,
            )
            return None
        return TemplateResponse(
            request,
            "auditlog/confirm.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": remedy.label,
                "explanation": remedy.explanation,
                "rows": rows[:20],
                "more": max(len(rows) - 20, 0),
                "keys": [row.pk for row in rows],
                "action": name,
                "confirm": remedy.label,
                "reason": reason,
                "identity": identity,
                "error": "Say why." if confirmed else "",
            },
        )


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
