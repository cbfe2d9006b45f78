"""Which rows of an export are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings

from analyticsapp.days import bounds
from analyticsapp.tables.table import STRETCHES, stretch_parameters


@dataclass(frozen=True)
class Scope:
    """Whole days of ``REPORTING_TIME_ZONE``, both included, or all of time; one currency, or all;
    and whether with the columns that tell who somebody is."""

    first: date | None = None
    last: date | None = None
    currency: str = ""
    personal: bool = False

    @property
    def instants(self) -> tuple[datetime, datetime] | None:
        """The first instant and the first one after it, in UTC; None where it is all of time."""
        if self.first is None or self.last is None:
            return None
        return bounds(self.first)[0], bounds(self.last)[1]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the exports' SQL takes."""
        starts, ends = self.instants or ("-infinity", "infinity")
        return {
            "whole": self.instants is None,
            "starts": starts,
            "ends": ends,
            "first": self.first or "-infinity",
            "last": self.last or "infinity",
            **stretch_parameters(),
            "currency": self.currency,
        }

    def described(self) -> dict[str, Any]:
        """The same for the audit log and for manifests."""
        return {
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
            "time_zone": settings.REPORTING_TIME_ZONE,
            "currency": self.currency or None,
            "personal_data": self.personal,
        }


# A table's rows without a time are rows of all time alone.
def within(moment: str) -> str:
    """SQL: whether a time lies within the days asked for."""
    return (
        f"(%(whole)s OR {moment} >= %(starts)s::timestamptz AND {moment} < %(ends)s::timestamptz)"
    )


def on_days(day: str) -> str:
    """SQL: whether a date is one of the days asked for."""
    return f"(%(whole)s OR {day} BETWEEN %(first)s::date AND %(last)s::date)"


# Where the SQL of an export tells days by ``any_day_at``: as the snapshots do.
DAYS = f"(SELECT {STRETCHES}) AS given"
