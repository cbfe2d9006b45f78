"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register, register_export

RUN = ("opened", "reopened", "resolved")

register("monitoring.run_asked", "A run of the checks was asked for.")
register("monitoring.run_started", "A run of the checks began.", "only")
register("monitoring.run", "A run of the checks ended.", "found", *RUN, "crashed")
register("monitoring.issues", "A check opened, re-opened or resolved issues.", *RUN)
register("monitoring.alert", "A message about issues was sent, or wasn’t.", "channel", "status")
register("monitoring.forgotten", "Old runs that changed nothing were deleted.", "runs", "alerts")
for _decision in ("acknowledged", "muted", "accepted", "resolved", "reopened"):
    register(f"issue.{_decision}", f"An issue was {_decision} by hand.", "status", "until")
register("issue.noted", "Something was noted about an issue.")
register("issue.assigned", "An issue was given to somebody.", "assignee")
register("issue.remedy_used", "The remedy of an issue was used.", "remedy", "outcome")
register_export("reconciliation", "A reconciliation was downloaded.", "from", "to", "time_zone")
