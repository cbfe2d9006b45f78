"""Disputes: those that need an answer by due date, and the money that moved for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from payments.admin.columns import admin_link, money, money_column
from payments.admin.mirror import MirrorAdmin, moment, table
from payments.ledger import settlement_of_dispute
from payments.models import BalanceTransaction, Dispute
from payments.selectors import TO_ANSWER, disputes_to_answer, overdue_disputes

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# What Stripe's reporting categories mean for a dispute.
WORDS = {
    "dispute": "withdrawn",
    "dispute_reversal": "reinstated",
    "fee": "fee",
}


class AnswerFilter(admin.SimpleListFilter):
    """By what there is to do; its values are known without asking the table."""

    title = "answer"
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("needed", "needed"),
            ("overdue", "overdue"),
            ("review", "given, under review"),
            ("closed", "closed"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> QuerySet[Dispute]:
        match self.value():
            case "needed":
                return queryset.filter(pk__in=disputes_to_answer().order_by().values("pk"))
            case "overdue":
                found = overdue_disputes(timezone.now()).order_by()
                return queryset.filter(pk__in=found.values("pk"))
            case "review":
                return queryset.filter(status__in=Dispute.UNDER_REVIEW)
            case "closed":
                return queryset.filter(status__in=Dispute.CLOSED)
        return queryset


class LeftFilter(admin.SimpleListFilter):
    """Those that need an answer, by how long there is."""

    title = "time left"
    parameter_name = "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(span.name, span.label) for span in TO_ANSWER]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> QuerySet[Dispute]:
        for span in TO_ANSWER:
            if self.value() == span.name:
                found = disputes_to_answer().filter(span.holds("due_by", timezone.now()))
                return queryset.filter(pk__in=found.order_by().values("pk"))
        return queryset


def time_left(due: datetime | None, now: datetime) -> str:
    """``2 days, 4 hours left``, ``overdue by 3 hours``, or that nobody said until when."""
    if due is None:
        return "no date given"
    if due < now:
        return f"overdue by {timesince(due, now)}"
    return f"{timesince(now, due)} left"


def words_column(field: str) -> Callable[[Any], str]:
    """A word of Stripe's for a narrow column: ``needs response``."""

    @admin.display(description=field)
    def show(row: Any) -> str:
        return str(getattr(row, field)).replace("_", " ") or "–"

    show.__name__ = f"{field}_words"
    return show


@admin.register(Dispute)
class DisputeAdmin(MirrorAdmin[Dispute]):
    list_display = (
        "id",
        money_column("amount"),
        words_column("status"),
        words_column("reason"),
        "answer_due",
        "at_stripe",
    )
    list_filter = (AnswerFilter, LeftFilter)
    search_help_text = "A dispute's id or its beginning; the id of its charge."
    exact_search = ("charge",)

    def get_ordering(self, request: HttpRequest) -> list[Any] | tuple[Any, ...]:
        """The newest first; of those that need an answer, the one that is due first."""
        asked = request.GET.get(AnswerFilter.parameter_name)
        if asked in ("needed", "overdue") or LeftFilter.parameter_name in request.GET:
            return ("due_by", "id")
        return super().get_ordering(request)

    def get_fieldsets(self, request: HttpRequest, obj: Dispute | None = None) -> Any:
        """What moved for it comes right after the dispute itself."""
        first, *others = super().get_fieldsets(request, obj)
        return [first, ("Money", {"fields": ["answer_due", "money_moved"]}), *others]

    def get_readonly_fields(self, request: HttpRequest, obj: Dispute | None = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), "answer_due", "money_moved"]

    @admin.display(description="answer due")
    def answer_due(self, dispute: Dispute) -> SafeString | str:
        """Until when Stripe takes an answer, and how long that is from now, in words."""
        if dispute.status not in Dispute.NEEDS_ANSWER:
            return "–"
        now = timezone.now()
        left = time_left(dispute.due_by, now)
        if dispute.due_by is None:
            return left
        return format_html(
            '{}<br><time datetime="{}"><span>{}</span></time>',
            format_html("<strong>{}</strong>", left) if dispute.due_by < now else left,
            dispute.due_by.isoformat(),
            f"{dispute.due_by:%Y-%m-%d %H:%M} UTC",
        )

    @admin.display(description="at Stripe")
    def at_stripe(self, dispute: Dispute) -> SafeString:
        """The way to where it is answered."""
        return format_html(
            '<a href="{}" rel="noopener noreferrer">{}</a>',
            dispute.dashboard_url,
            "answer" if dispute.status in Dispute.NEEDS_ANSWER else "open",
        )

    @admin.display(description="moved on the balance")
    def money_moved(self, dispute: Dispute) -> SafeString:
        """Withdrawals, reversals and fees, each on its own date, in the settlement currency."""
        settlement = settlement_of_dispute(dispute)
        lines: list[Sequence[Any]] = []
        for movement in settlement.movements:
            row = movement.transaction
            lines.append(
                (
                    moment(row.created),
                    WORDS.get(row.reporting_category, row.reporting_category),
                    *(money(value, row.currency) for value in (row.amount, row.fee, row.net)),
                    admin_link(BalanceTransaction, row.pk),
                )
            )
        for total in settlement.known:
            name = "together, as far as known" if settlement.missing else "together"
            sums = (total.gross, total.fees, total.net)
            lines.append(("", name, *(money(value, total.currency) for value in sums), ""))
        for key in settlement.missing:
            lines.append(("–", "not received yet", *[money(None, "")] * 3, key))
        if not lines:
            return format_html("{}", "No money has moved.")
        return table(("When", "What", "Amount", "Fee", "Net", "Transaction"), lines)
