"""The export of issues, in the pack for operations."""

from __future__ import annotations

from collections.abc import Iterator

from analyticsapp.exports import Export
from analyticsapp.exports.columns import CURRENCY, key, money, number, text, time
from analyticsapp.exports.export import query
from analyticsapp.exports.registry import OPERATIONS


def exports() -> Iterator[Export]:
    """What monitoring has to offer."""
    yield ISSUES


ISSUES = Export(
    name="issues",
    pack=OPERATIONS,
    title="Issues",
    meaning="An issue that isn’t resolved, be it open or set aside; the first seen first.",
    columns=(
        key("issue_id", "The issue."),
        text("check", "The check that found it."),
        text("kind", "integrity: must never happen. attention: legal, but someone must act."),
        text("severity", "low, medium, high or critical."),
        text("status", "open, acknowledged, muted or accepted."),
        text("summary", "What is wrong."),
        text("subject_type", "What it is about."),
        text("subject", "Which one; a Stripe id, or a number of ours."),
        text("assignee", "Who is at it. Empty: nobody in particular."),
        time("first_seen_at", "When a run found it first."),
        time("last_seen_at", "When a run found it last."),
        number("occurrences", "How many runs found it.", "runs"),
        CURRENCY,
        *money("amount", "The money at risk. Empty: none, or it can’t be told."),
    ),
    rows=query("""
    SELECT issue.id AS issue_id, issue.check_name AS "check", issue.kind, issue.severity,
        issue.status, issue.summary, issue.subject_type, issue.subject_id AS subject,
        person.username AS assignee, issue.first_seen AS first_seen_at,
        issue.last_seen AS last_seen_at, issue.occurrences, issue.currency, issue.amount_minor
    FROM monitoring_issue AS issue LEFT JOIN auth_user AS person ON person.id = issue.assignee_id
    WHERE issue.status <> 'resolved'
    """),
    order="first_seen_at, issue_id",
    dated=False,
)
