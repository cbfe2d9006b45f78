"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register, register_export

register("snapshots.build", "Days were counted again by hand.", "days", "first", "last")
register_export("bridge", "The bridge of some days was taken.", "from", "to", "time_zone")
register_export(
    "analytics",
    "An export or a pack of them was taken.",
    "pack",
    "export",
    "form",
    "from",
    "to",
    "currency",
    "personal_data",
    "time_zone",
    "schema_version",
)
