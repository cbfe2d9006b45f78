"""Monthly cohorts of subscribers, and what is left of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from analyticsapp.days import YEAR_AND_MONTH, months_later
from analyticsapp.kpis.cohorts import Cohort
from analyticsapp.models import CohortMonth

MOST = YEAR_AND_MONTH  # cohorts, and months of each
COLUMNS = ("customers", "retained", "started_minor", "gross_minor", "net_minor")


@dataclass(frozen=True)
class CohortRow:
    """A cohort by the first day of its month, and what was left of it by the first day of each
    later one, its own among them."""

    first: date
    months: dict[date, Cohort]

    @property
    def begun(self) -> Cohort:
        """Its size: as much of it as is known."""
        return self.months[self.first]


def cohorts(currency: str, until: date) -> list[CohortRow]:
    """The last cohorts up to the month of ``until``, the newest first, with the months up to it.
    One query, over at most 91 rows."""
    last = until.replace(day=1)
    rows = CohortMonth.objects.filter(
        currency=currency, cohort__gte=months_later(last, 1 - MOST), day__lte=last
    )
    found: dict[date, dict[date, Cohort]] = {}
    for cohort, month, *numbers in rows.order_by("-cohort", "day").values_list(
        "cohort", "day", *COLUMNS
    ):
        found.setdefault(cohort, {})[month] = Cohort(*numbers)
    return [CohortRow(first, months) for first, months in found.items()]


def cohort_in(currency: str, cohort: date, days: Sequence[date]) -> list[Cohort]:
    """What was left of one cohort in the month of each of these days. One query."""
    months = [day.replace(day=1) for day in days]
    rows = CohortMonth.objects.filter(currency=currency, cohort=cohort, day__in=set(months))
    found = {month: Cohort(*numbers) for month, *numbers in rows.values_list("day", *COLUMNS)}
    return [found.get(month, Cohort()) for month in months]
