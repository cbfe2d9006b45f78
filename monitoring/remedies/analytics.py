"""Remedies on snapshots."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from django import forms

from analyticsapp.services import snapshots
from monitoring.models import Issue
from monitoring.remedies.registry import remedy
from monitoring.subjects import subject_of
from orders.admin.acting import Act, ReasonForm


def day_of(issue: Issue) -> date | None:
    """The day that the issue is about: its subject's, or what its subject's id names."""
    day = getattr(subject_of(issue), "day", None)
    if isinstance(day, date):
        return day
    with suppress(ValueError):
        return date.fromisoformat(issue.subject_id[:10])
    return None


def rebuild(issue: Issue, form: forms.Form) -> str:
    day = day_of(issue)
    assert day is not None
    snapshots.build([day])
    return f"{day} was counted anew."


remedy(
    Act(
        name="rebuild_day",
        title="Rebuild the day",
        permission="monitoring.change_issue",
        button="Count the day anew",
        explanation=lambda issue: (
            f"The snapshots of {day_of(issue)} are counted anew from the rows that they sum. If "
            "they were counted wrongly, dashboards change; the rows stay as they are."
        ),
        possible=lambda issue: day_of(issue) is not None,
        form=lambda issue, data: ReasonForm(data),
        perform=rebuild,
    )
)


def refresh(issue: Issue, form: forms.Form) -> str:
    days = snapshots.refresh()
    return f"{len(days)} {'day was' if len(days) == 1 else 'days were'} counted anew."


remedy(
    Act(
        name="refresh_snapshots",
        title="Refresh the snapshots",
        permission="monitoring.change_issue",
        button="Count what changed",
        explanation=lambda issue: (
            "The days that changed since the last refresh are counted now. If nothing refreshes "
            "them by itself, see that a worker runs."
        ),
        possible=lambda issue: True,
        form=lambda issue, data: ReasonForm(data),
        perform=refresh,
    )
)
