"""Who carries an order, and under which number."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_CARRIER = 100
LONGEST_TRACKING_NUMBER = 255


class BadTracking(ValueError):
    """Not a carrier or tracking number that can be; the message says why."""


@dataclass(frozen=True)
class Tracking:
    """Either may be empty: not everything that is handed over is tracked."""

    carrier: str = ""
    number: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.carrier, self.number))) or "no tracking number"


NO_TRACKING = Tracking()


def tracking(carrier: str, number: str) -> Tracking:
    """The two as they are kept: spaces at the ends dropped, others made single.

    Raises:
        BadTracking: too long, or with characters that can't be printed.
    """
    return Tracking(
        checked("a carrier", carrier, LONGEST_CARRIER),
        checked("a tracking number", number, LONGEST_TRACKING_NUMBER),
    )


def checked(what: str, text: str, longest: int) -> str:
    text = " ".join(text.split())
    if len(text) > longest:
        raise BadTracking(f"{what} has at most {longest} characters")
    if not text.isprintable():
        raise BadTracking(f"{what} can't have characters that aren't printed: {text[:40]!r}")
    return text
