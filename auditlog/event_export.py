"""The audit log as CSV: itself an act that stands in it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F, Func, QuerySet, TextField
from django.db.models.functions import Cast

from auditlog.actions import register_export
from auditlog.columns import Column, Kind
from auditlog.exports import CsvFile, Download
from auditlog.models import AuditEvent

SUBJECT = "audit"
register_export(SUBJECT, "The audit log was downloaded.", "filter.*")

COLUMNS = (
    Column("id", Kind.INTEGER, "Its number; those left out were rolled back.", F("id")),
    Column("at", Kind.TIME, "When.", F("at")),
    Column("action", Kind.TEXT, "What was done.", F("action")),
    Column("actor", Kind.TEXT, "The user’s name, or the job’s.", F("actor_name"), personal=True),
    Column("actor_id", Kind.INTEGER, "The user’s id; empty for a job.", F("actor_id")),
    Column("target_type", Kind.TEXT, "To what: its kind.", F("target_type")),
    Column("target_id", Kind.TEXT, "To what: its id.", F("target_id")),
    Column("reason", Kind.TEXT, "Why.", F("reason")),
    Column("before", Kind.TEXT, "The values before, as JSON.", Cast("before", TextField())),
    Column("after", Kind.TEXT, "The values after, as JSON.", Cast("after", TextField())),
    Column(
        "address",
        Kind.TEXT,
        "From which network address.",
        Func("address", function="host", output_field=TextField()),  # without a mask
        personal=True,
    ),
    Column("request_id", Kind.TEXT, "In which request or run of a job.", F("request_id")),
)


def export_events(queryset: QuerySet[AuditEvent], asked: Mapping[str, str]) -> Download:
    """The rows as CSV, audited as ``audit.exported`` with what was ``asked`` for."""
    return Download(SUBJECT, CsvFile.of_queryset(queryset, COLUMNS), {"filter": dict(asked)})
