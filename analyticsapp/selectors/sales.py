"""What the snapshots of sales add up to over any days, and the currencies that they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from analyticsapp.days import Window, day_of
from analyticsapp.kpis import TOTALS, Totals
from analyticsapp.models import DaySnapshot
from analyticsapp.selectors.windows import WINDOWS, parameters

LATELY = 180  # days
SUMS = f"""
SELECT day.currency, n, {", ".join(f"sum({name})::bigint" for name in TOTALS)}
FROM {WINDOWS}
JOIN {DaySnapshot._meta.db_table} AS day
    ON day.currency = ANY (%(currencies)s) AND day.day BETWEEN asked.first AND asked.last
GROUP BY day.currency, n
"""


def totals_of(windows: Sequence[Window], currencies: Sequence[str]) -> dict[str, list[Totals]]:
    """What the days of each window add up to, in each of these currencies. One query."""
    found = {currency: [Totals()] * len(windows) for currency in currencies}
    with connection.cursor() as cursor:
        cursor.execute(
            SUMS,
            {**parameters(windows), "currencies": list(currencies)},
        )
        for currency, n, *numbers in cursor.fetchall():
            found[currency][n - 1] = Totals(*numbers)
    return found


def totals(windows: Sequence[Window], currency: str) -> list[Totals]:
    """The same in one currency."""
    return totals_of(windows, [currency])[currency]


BUSIEST = f"""
SELECT currency, (SELECT min(day) FROM {DaySnapshot._meta.db_table})
FROM {DaySnapshot._meta.db_table}
WHERE day >= %(since)s OR day BETWEEN %(first)s AND %(last)s
GROUP BY currency ORDER BY sum(payments) + sum(orders) DESC, currency
"""


@dataclass(frozen=True)
class Recorded:
    """The first day of all figures, None while there are none, and the currencies they are in."""

    first_day: date | None
    currencies: list[str]


def recorded(now: datetime, window: Window | None = None) -> Recorded:
    """What there are figures of. The currencies are those of the last half year and of ``window``,
    by number of payments and orders; of all time if there are none. At most two queries."""
    lately = Window.ending(day_of(now), LATELY)
    shown = window or lately
    with connection.cursor() as cursor:
        for since in (lately.first, date.min):
            cursor.execute(BUSIEST, {"since": since, "first": shown.first, "last": shown.last})
            if rows := cursor.fetchall():
                return Recorded(rows[0][1], [currency for currency, _ in rows])
    return Recorded(None, [])


def busiest(now: datetime) -> str:
    """The currency in which most is sold; empty while nothing is."""
    return next(iter(recorded(now).currencies), "")
