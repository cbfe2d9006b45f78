"""Triggers that more than one app's tables have."""

from __future__ import annotations

import pgtrigger


def no_truncate(what: str) -> pgtrigger.Trigger:
    """Refuse to empty the table at once, which triggers on its rows wouldn't see."""
    return pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func=f"RAISE EXCEPTION '{what} can''t be emptied';",
    )
