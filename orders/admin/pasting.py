"""Searches too long for an address: kept in the session, and named in the address.

An address longer than about 4,000 characters is refused on the way (gunicorn's own limit is
4,094), and every link of a list repeats it; 200 pasted e-mail addresses are longer than that.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote_plus

LONGEST = 1_000  # characters of an address that a search may take
PREFIX = "pasted:"
SESSION_KEY = "pasted_searches"
KEPT = 20

Session = MutableMapping[str, Any]


def shorten(session: Session, text: str) -> str:
    """What stands for ``text`` in an address: itself where it is short, else a name for it."""
    if len(quote_plus(text)) <= LONGEST:
        return text
    name = PREFIX + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    kept: dict[str, str] = {**session.get(SESSION_KEY, {})}
    kept.pop(name, None)
    kept[name] = text
    session[SESSION_KEY] = dict(list(kept.items())[-KEPT:])
    return name


def lengthen(session: Session, query: str) -> str | None:
    """The text that ``query`` stands for; None where it is the name of one that isn't kept."""
    if not query.startswith(PREFIX):
        return query
    found: str | None = session.get(SESSION_KEY, {}).get(query)
    return found
