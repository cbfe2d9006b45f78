"""The audit log as CSV: itself an act that stands in it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import CharField, F, QuerySet, TextField
from django.db.models.functions import Cast

from auditlog.actions import register_export
from auditlog.exports import Column, Download, SafeText, UtcText
from auditlog.models import AuditEvent

EXPORTED = register_export("audit", "The audit log was downloaded.", "filter.*")

COLUMNS = (
    Column("id", F("id"), "Its number; numbers that are left out were rolled back."),
    Column("at", UtcText(F("at")), "When."),
    Column("action", SafeText(F("action")), "What was done."),
    Column("actor", SafeText(F("actor_name")), "The user’s name, or the job’s."),
    Column("actor_id", F("actor_id"), "The user’s id; empty for a job."),
    Column("target_type", SafeText(F("target_type")), "To what: its kind."),
    Column("target_id", SafeText(F("target_id")), "To what: its id."),
    Column("reason", SafeText(F("reason")), "Why."),
    Column("before", SafeText(Cast("before", TextField())), "The values before, as JSON."),
    Column("after", SafeText(Cast("after", TextField())), "The values after, as JSON."),
    Column("address", SafeText(Cast("address", CharField())), "From which network address."),
    Column("request_id", SafeText(F("request_id")), "In which request or run of a job."),
)


def export_events(queryset: QuerySet[AuditEvent], asked: Mapping[str, str]) -> Download:
    """The rows as CSV, audited as ``audit.exported`` with what was ``asked`` for."""
    return Download(EXPORTED, queryset, COLUMNS, {"filter": dict(asked)})
