"""Long lists of names, written as running text so that they can be read."""

from __future__ import annotations


def names(text: str) -> tuple[str, ...]:
    """The words of ``text``."""
    return tuple(text.split())
