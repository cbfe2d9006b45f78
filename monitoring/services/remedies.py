"""What follows when somebody used a remedy: it is noted, and the check looks again."""

from __future__ import annotations

from django.db import transaction

from auditlog.services import record
from monitoring import registry
from monitoring.models import Issue
from monitoring.registry import CRASHED
from monitoring.services.runs import run_checks


def note_use(issue: Issue, remedy: str, *, reason: str, outcome: str) -> str:
    """Note that ``remedy`` was used on the issue, run its check again, and say what came of it.

    Not to be called within a transaction. The service that the remedy called has its own audit row.
    """
    with transaction.atomic():
        record(
            "issue.remedy_used",
            issue,
            reason=reason,
            after={"remedy": remedy, "outcome": outcome},
        )
    return look_again(issue)


def look_again(issue: Issue) -> str:
    """Run the issue's check (that of a crash: the one that crashed), and say how the issue stands.

    Empty where there is no such check any more.
    """
    name = issue.subject_id if issue.check_name == CRASHED.name else issue.check_name
    check = registry.get(name)
    if check is None or check is CRASHED:
        return ""
    [result] = run_checks([name]).results
    if result["error"]:
        return f"Its check could not run: {result['error'].splitlines()[0]}"
    issue.refresh_from_db()
    if issue.status == Issue.Status.RESOLVED:
        return "The check looked again and found it gone: the issue is resolved."
    return "The check looked again and still finds it."
