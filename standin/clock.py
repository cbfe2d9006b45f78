"""The stand-in's clock: real time, until it is set."""

from __future__ import annotations

import time

DAY = 86_400


class Clock:
    """Whole seconds since 1970; once set it moves only when it is told to."""

    def __init__(self) -> None:
        self._frozen: int | None = None

    @property
    def now(self) -> int:
        """The current time."""
        return int(time.time()) if self._frozen is None else self._frozen

    @property
    def frozen(self) -> int | None:
        """The time it was set to, ``None`` while it is real."""
        return self._frozen

    def set(self, at: int | None) -> None:
        """Stand still at ``at``; ``None`` goes back to real time."""
        self._frozen = None if at is None else int(at)


def start_of_day(at: int) -> int:
    """Midnight UTC of the day of ``at``."""
    return at - at % DAY
