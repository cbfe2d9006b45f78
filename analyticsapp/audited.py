"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register

register("snapshots.build", "Days were counted again by hand.", "days", "first", "last")
