"""``docs/kpi_definitions.md``, made from the registry."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings

from analyticsapp.kpis import ALL, Good, Kpi

HEAD = """# What the figures mean

Made from the registry by `manage.py kpi_definitions`; a gate compares. The page at
`/dashboard/kpis/` shows the same. Days are days of `REPORTING_TIME_ZONE`. Amounts of different
currencies are never added.
"""
GOOD = {Good.UP: "more is better", Good.DOWN: "less is better", Good.NEITHER: "neither is better"}


def path() -> Path:
    """Where the document stands."""
    return Path(settings.BASE_DIR) / "docs" / "kpi_definitions.md"


def document() -> str:
    """The document as it should be."""
    return "\n".join([HEAD, *(entry(kpi) for kpi in ALL)])


def definitions_version() -> str:
    """Differs when what any figure means does: a digest of the document."""
    return hashlib.sha256(document().encode()).hexdigest()[:12]


def entry(kpi: Kpi[Any]) -> str:
    """One KPI's part of it."""
    lines = [
        f"## {kpi.name}",
        "",
        f"`{kpi.key}` · {kpi.unit.value} · {kpi.ledger.value} ledger · {GOOD[kpi.good]}",
        "",
        kpi.definition,
        "",
        f"**{kpi.formula}**",
        "",
        *([f"- Counted {kpi.convention}."] if kpi.convention else []),
        *(f"- {rule}" for rule in kpi.edge_rules),
        "",
    ]
    return "\n".join(lines)
