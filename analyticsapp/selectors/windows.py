"""Any number of windows as parameters of one query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyticsapp.days import Window

# As a relation: the days of each window, and which of them it is, from 1 on.
WINDOWS = "unnest(%(firsts)s::date[], %(lasts)s::date[]) WITH ORDINALITY AS asked (first, last, n)"


def parameters(windows: Sequence[Window]) -> dict[str, Any]:
    """What ``WINDOWS`` takes."""
    return {
        "firsts": [window.first for window in windows],
        "lasts": [window.last for window in windows],
    }
