"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register

for _name, _meaning in {
    "demo.begun": "Sample data began to be made.",
    "demo.seeded": "Sample data was made.",
}.items():
    register(_name, _meaning, "seed", "orders", "until", "anomaly")
