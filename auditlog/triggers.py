"""Triggers that more than one app's tables have."""

from __future__ import annotations

from collections.abc import Sequence

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


def append_only(*erasable: str) -> Sequence[pgtrigger.Trigger]:
    """Refuse to change or delete a row; but in the columns named, a text may become *erased*, and
    of JSON parts may go and texts become pseudonyms (see the function ``only_erased``)."""
    columns = ", ".join(f"'{name}'" for name in erasable)
    less = f"- ARRAY[{columns}]"
    changed = [
        f"(to_jsonb(OLD) {less}) IS DISTINCT FROM (to_jsonb(NEW) {less})",
        *(f"NOT only_erased(to_jsonb(OLD.{name}), to_jsonb(NEW.{name}))" for name in erasable),
    ]
    return (
        pgtrigger.Protect(
            name="no_update",
            operation=pgtrigger.Update,
            condition=pgtrigger.Condition(f"({' OR '.join(changed)})"),
        ),
        pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
    )
