"""What the list of orders can be narrowed to. Their values are known without asking the table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest
from django.utils import timezone

from orders import flags
from orders.ages import AGES, DAY, past_service_level
from orders.models import Order
from orders.states import WAITS_SINCE, OrderStatus, RefundStatus
from payments.spans import Span

# What is offered.
OVER = tuple(
    Span(f"{days}", f"over {days} day{'s' * (days > 1)}", until=-days * DAY) for days in (1, 3, 7)
)


class ChoiceFilter(admin.SimpleListFilter):
    """Orders whose column has one of the words that it may have."""

    words: ClassVar[type[TextChoices]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word.value, str(word.label)) for word in self.words]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


class StatusFilter(ChoiceFilter):
    title = parameter_name = "status"
    words = OrderStatus


class RefundStatusFilter(ChoiceFilter):
    title = "refund"
    parameter_name = "refund_status"
    words = RefundStatus


class SourceFilter(ChoiceFilter):
    title = parameter_name = "source"
    words = Order.Source


class FlagFilter(admin.SimpleListFilter):
    title = parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(flag.name, f"{flag.mark} {flag.label}") for flag in flags.all_flags()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        flag = flags.get(self.value() or "")
        return queryset.filter(flag.condition()) if flag else queryset


class WaitingFilter(admin.SimpleListFilter):
    """Orders of a status that have waited for so long; the list shows the oldest first.

    Beside those that are offered, a link may name the paid ones of a span of ``orders.ages``.
    """

    title = parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered = [(status, span) for status in WAITS_SINCE for span in (None, *OVER)]
        asked = waiting_of(request.GET.get("waiting"))
        if asked and asked not in offered:
            offered.append(asked)
        return [(value_of(status, span), said(status, span)) for status, span in offered]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        asked = waiting_of(self.value())
        if not asked:
            return queryset
        status, span = asked
        waiting = queryset.filter(status=status)
        return waiting.filter(span.holds(WAITS_SINCE[status], timezone.now())) if span else waiting


Waiting = tuple[OrderStatus, Span | None]  # None: however young


def value_of(status: OrderStatus, span: Span | None) -> str:
    """What stands for it in an address."""
    return f"{status.value}-{span.name if span else 0}"


def said(status: OrderStatus, span: Span | None) -> str:
    """A choice of the filter in words."""
    return f"{status.label} for {span.label}" if span else f"{status.label}, the oldest first"


def waiting_of(value: str | None) -> Waiting | None:
    """What a value of the filter stands for; None where it is nothing."""
    late = past_service_level()
    of_paid = (*AGES, late) if late else AGES
    for status in WAITS_SINCE:
        spans = (*OVER, *of_paid) if status == OrderStatus.PAID else OVER
        for span in (None, *spans):
            if value == value_of(status, span):
                return status, span
    return None
