"""What the list of issues can be narrowed to, without counting or sorting the table."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from auditlog.event_filters import TextFilter
from monitoring import registry
from monitoring.admin.deciding import who_may_triage
from monitoring.models import Issue
from monitoring.registry import CRASHED, Area
from monitoring.selectors import about_figures, with_issues


class StatusFilter(admin.SimpleListFilter):
    """Issues that need someone are what one comes for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Issue.Status.choices, ("all", "all")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "needs someone"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        match self.value():
            case None:
                return queryset.filter(status__in=Issue.NEEDS_SOMEONE)
            case "all":
                return queryset
            case status:
                return queryset.filter(status=status)


class CheckFilter(TextFilter):
    title = "check"
    parameter_name = "check_name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = with_issues([CRASHED.name, *(check.name for check in registry.all_checks())])
        return [(name, name.replace("_", " ")) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        value = self.value()
        return queryset if value is None else queryset.filter(check_name=value)


class TouchesFilter(admin.SimpleListFilter):
    """By the figures that an issue makes doubtful; a link may name several areas."""

    title = "touches figures"
    parameter_name = "touches"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        asked = request.GET.get(self.parameter_name, "")
        several = [(asked, asked.replace(",", ", "))] if len(areas_in(asked)) > 1 else []
        return [*((area.value, area.value) for area in Area), *several]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        areas = areas_in(self.value() or "")
        return queryset.filter(about_figures(areas)) if areas else queryset


def areas_in(value: str) -> list[Area]:
    """The areas that a value of the filter names."""
    return [area for area in Area if area in value.split(",")]


class AssigneeFilter(admin.SimpleListFilter):
    title = "assigned to"
    parameter_name = "assignee"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = who_may_triage().exclude(pk=request.user.pk).values_list("username", flat=True)
        return [("me", "me"), ("nobody", "nobody"), *((f"@{name}", name) for name in others)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        match self.value():
            case None:
                return queryset
            case "me":
                return queryset.filter(assignee=request.user.pk)
            case "nobody":
                return queryset.filter(assignee__isnull=True)
            case name:
                return queryset.filter(assignee__username=name.removeprefix("@"))


class MoneyFilter(admin.SimpleListFilter):
    title = "money at risk"
    parameter_name = "money"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("some", "some"), ("none", "none said")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        match self.value():
            case "some":
                return queryset.filter(amount_minor__isnull=False)
            case "none":
                return queryset.filter(amount_minor__isnull=True)
        return queryset


class CameBackFilter(admin.SimpleListFilter):
    title = "came back"
    parameter_name = "came_back"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "re-opened")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        return queryset.filter(reopened__gt=0) if self.value() == "yes" else queryset
