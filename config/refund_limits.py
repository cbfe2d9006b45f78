"""The setting of the amounts above which a refund needs more than being signed in."""

from __future__ import annotations

import re
from decimal import Decimal

LIMIT = re.compile(r"(?:([a-z]{3})=)?([0-9]{1,12}(?:\.[0-9]{1,2})?)")


def parse_limits(text: str) -> dict[str, Decimal]:
    """``500 jpy=80000``: amounts as people write them, by currency; ``""`` is that of every
    currency that has none of its own. ``off``: none.

    Raises:
        ValueError: it can't be read.
    """
    words = text.lower().replace(",", " ").split()
    if words == ["off"]:
        return {}
    limits: dict[str, Decimal] = {}
    for word in words:
        found = LIMIT.fullmatch(word)
        if not found or (found[1] or "") in limits:
            raise ValueError(f"{word!r} isn't an amount such as 500 or jpy=80000, each once")
        limits[found[1] or ""] = Decimal(found[2])
    if "" not in limits:
        raise ValueError("it needs an amount for the currencies that aren't named, or off")
    return limits
