"""What ``manage.py check --database default``, and ``migrate``, say of the days that figures are
of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, DataError, connection, transaction
from django.utils import timezone

from analyticsapp.days import ALL_DAYS, DAY, day_of, reporting_zone, stretches

SINCE = date(2011, 1, 1)  # the year in which Stripe began
AHEAD = 5 * 366 * DAY  # nobody knows the rules of a later time
# Where a day begins, right before, and after clocks that went back may have left it again; a day
# that was left out has no beginning.
DIFFERING = """
SELECT min(day), count(DISTINCT day)
FROM unnest(
    %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(days)s::date[], %(days_after)s::date[]
) AS stretch (starts, ends, first, after)
CROSS JOIN LATERAL generate_series(0, after - first - 1) AS n
CROSS JOIN LATERAL (
    VALUES (first + n, starts + n * interval '24 hours')
) AS begun (day, at)
WHERE day BETWEEN %(since)s AND %(until)s AND (ends IS NULL OR at < ends) AND (
    (at AT TIME ZONE %(zone)s)::date <> day
    OR ((at + interval '30 minutes') AT TIME ZONE %(zone)s)::date <> day
    OR ((at - interval '1 microsecond') AT TIME ZONE %(zone)s)::date >= day
)
"""


def differing_days(zone: ZoneInfo, name: str) -> tuple[date | None, int]:
    """The first day that begins at another moment by the rules of ``zone`` than Postgres has it for
    the zone of that name, None where there is none, and how many there are.

    Raises:
        DataError: Postgres knows no such zone.
    """
    starts, days = stretches(zone)
    ends, days_after = [*starts[1:], None], [*days[1:], ALL_DAYS[1]]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            DIFFERING,
            {
                "starts": starts,
                "days": days,
                "ends": ends,
                "days_after": days_after,
                "since": SINCE,
                "until": day_of(timezone.now()) + AHEAD,
                "zone": name,
            },
        )
        first, number = cursor.fetchone()
    return first, number


@register(Tags.database)
def postgres_has_the_same_days(
    databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Figures and exports go by the time zone data of this server, the views of the schema ``bi``
    by that of Postgres; they are of the same days as long as the two agree."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    name = settings.REPORTING_TIME_ZONE
    hint = (
        "Bring the time zone data of both up to date. Until then a day of the schema bi isn't "
        "always the dashboard's."
    )
    try:
        first, number = differing_days(reporting_zone(), name)
    except DataError:
        return [Warning(f"Postgres knows no time zone {name}.", hint=hint, id="analyticsapp.W001")]
    if first is None:
        return []
    told = f"Postgres and this server disagree on when days of {name} begin: on {number} of them, "
    return [Warning(f"{told}the first one {first}.", hint=hint, id="analyticsapp.W002")]
