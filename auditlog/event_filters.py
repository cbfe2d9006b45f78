"""What the audit log can be narrowed to, each through an index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, PAGE_VAR, ChangeList
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from auditlog.models import AuditEvent


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


class TextFilter(admin.SimpleListFilter):
    """A filter by what an address names, which may be anything: what Postgres can't have stored
    finds nothing."""

    def value(self) -> str | None:
        value = super().value()
        return value if value is None else value.replace("\0", "\ufffd")


class IndexedFilter(TextFilter):
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
    """A person by the name to sign in with, a job by its own."""

    title = "user or job"
    parameter_name = "actor_name"


class DayInput(forms.DateInput):
    input_type = "date"


class Day(forms.DateField):
    """A day that calendars agree on."""

    widget = DayInput
    default_validators = [
        MinValueValidator(date(1970, 1, 2)),
        MaxValueValidator(date(9998, 12, 31)),
    ]


class Asked(forms.Form):
    """Days, a target, a request."""

    since = Day(label="From", required=False)
    until = Day(label="To", required=False)
    target_type__exact = forms.CharField(label="Target", required=False, max_length=64)
    target_id__exact = forms.CharField(label="Target’s id", required=False, max_length=255)
    request_id = forms.CharField(label="Request id", required=False, max_length=64)

    def target_types(self) -> list[str]:
        """What targets there are, to choose from."""
        return [name for name in distinct("target_type") if name]


class AskedFilter(admin.ListFilter):
    """A form of what can't be chosen from a list."""

    title = "day, target, request"
    template = "auditlog/filter_form.html"

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, Any],
        model: type[AuditEvent],
        model_admin: admin.ModelAdmin[AuditEvent],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        for name in Asked.base_fields:
            *_, given = params.pop(name, [""])
            if given:
                self.used_parameters[name] = given
        self.form = Asked(self.used_parameters, auto_id="filter_%s")

    def expected_parameters(self) -> list[str | None]:
        return list(Asked.base_fields)

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """One: the form, with the other filters that it keeps."""
        own = {*Asked.base_fields, PAGE_VAR, ALL_VAR, ERROR_FLAG}
        yield {
            "form": self.form,
            "kept": [(key, value) for key, value in changelist.params.items() if key not in own],
            "query_string": changelist.get_query_string(remove=[*own]),
            "clears": bool(self.used_parameters),
            "zone": settings.REPORTING_TIME_ZONE,
        }

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent]
    ) -> QuerySet[AuditEvent]:
        """Nothing where what was asked for can't be understood; the form says so."""
        if not self.form.is_valid():
            return queryset.none()
        asked = self.form.cleaned_data
        if asked["since"]:
            queryset = queryset.filter(at__gte=beginning(asked["since"]))
        if asked["until"]:
            queryset = queryset.filter(at__lt=beginning(asked["until"], days=1))
        if asked["request_id"]:
            queryset = queryset.filter(request_id=asked["request_id"])
        if asked["target_type__exact"]:
            queryset = queryset.filter(target_type=asked["target_type__exact"])
        elif asked["target_id__exact"]:
            queryset = queryset.filter(target_type__in=target_types())
        if asked["target_id__exact"]:
            queryset = queryset.filter(target_id=asked["target_id__exact"])
        return queryset


def beginning(day: date, days: int = 0) -> datetime:
    """When the day, or the one so many days later, begins in the reporting time zone."""
    zone = ZoneInfo(settings.REPORTING_TIME_ZONE)
    return datetime.combine(day + timedelta(days=days), time(), zone)


def target_types() -> list[str]:
    """Every type that a target can have: the index on targets begins with it."""
    return ["", *(model._meta.label_lower for model in apps.get_models())]
