"""What a test of a check is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Found = set[tuple[str, str, int | None, str]]


@dataclass(frozen=True)
class Anomaly:
    """``make`` breaks the rule, ``mend`` mends it, ``again`` breaks it once more.

    A run over all checks must then report exactly whom ``finds`` names (subject's label and id,
    money at risk, currency), and by their checks' names those who break other rules with it
    (``also``).
    """

    make: Callable[[], object]
    finds: Callable[[], Found]
    mend: Callable[[], object]
    again: Callable[[], object]
    also: Callable[[], dict[str, Found]] = dict
