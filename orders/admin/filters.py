"""What the list of orders can be narrowed to. Their values are known without asking the table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest
from django.utils import timezone

from orders import flags
from orders.models import Order
from orders.states import WAITS_SINCE, OrderStatus, RefundStatus

# The ages that are asked for, in days. 0: however young.
AGES = (0, 1, 3, 7)


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
    """Orders of a status that wait longer than so many days; the list shows the oldest first."""

    title = parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (f"{status.value}-{days}", said(status, days))
            for status in WAITS_SINCE
            for days in AGES
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        status, days = waiting_of(self.value())
        if status is None:
            return queryset
        waiting = queryset.filter(status=status)
        if not days:
            return waiting
        before = timezone.now() - timedelta(days=days)
        return waiting.filter(**{f"{WAITS_SINCE[status]}__lt": before})


def said(status: OrderStatus, days: int) -> str:
    """A choice of the filter in words."""
    if not days:
        return f"{status.label}, the oldest first"
    return f"{status.label} for over {days} day{'s' * (days > 1)}"


def waiting_of(value: str | None) -> tuple[OrderStatus | None, int]:
    """The status and the days that a value of the filter stands for; None where it is none."""
    status, _, days = (value or "").partition("-")
    if status in OrderStatus.values and status in WAITS_SINCE and days in map(str, AGES):
        return OrderStatus(status), int(days)
    return None, 0
