"""Settings that nobody may read by chance."""

from __future__ import annotations

import re

# Values are apart by space; a comma may be part of an address, but not before the next one.
NEXT = re.compile(r"\s+|,+(?=[A-Za-z][A-Za-z0-9+.-]*://)")


class Secret(str):
    """Text that error pages, ``diffsettings`` and debuggers don't show: its repr is masked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"

    @classmethod
    def several(cls, text: str) -> list[Secret]:
        """The addresses in ``text``, apart by space or comma, each once, in their order."""
        found = (part.strip(" ,") for part in NEXT.split(text))
        return [cls(part) for part in dict.fromkeys(found) if part]
