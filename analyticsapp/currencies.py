"""Which currency a page shows."""

from __future__ import annotations

from collections.abc import Sequence


def chosen(asked: str, currencies: Sequence[str]) -> str:
    """The currency that is asked for where it is one of these, else the first of them; empty where
    there are none."""
    asked = asked.lower()
    return asked if asked in currencies else next(iter(currencies), "")
