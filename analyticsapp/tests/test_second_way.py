"""Every figure of sales, products and settlement, counted a second way, row by row."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from analyticsapp.services import snapshots
from analyticsapp.tests.agreement import (
    PRESETS,
    assert_figures_are_what_the_rows_come_to,
    ranges,
)
from analyticsapp.tests.counted_figures import Rows
from analyticsapp.tests.history import END, History

pytestmark = pytest.mark.django_db
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Havana",  # clocks change at midnight
    "Asia/Kathmandu",  # 5 hours and 45 minutes from UTC
    "Pacific/Auckland",
    "America/Los_Angeles",
]
# Presets, calendar periods, leap and daylight-saving days; random ranges come on top.
QUERIES = [
    *PRESETS,
    "month=2027-02",
    "month=2027-10",
    "month=2028-02",
    "month=2028-04",
    "quarter=2027-Q4",
    "quarter=2028-Q1",
    "quarter=2028-Q2",
    "from=2028-02-29&to=2028-02-29",
    "from=2027-03-14&to=2027-03-14",
    "from=2027-03-28&to=2027-03-28",
    "from=2027-10-31&to=2027-11-07",
    "from=2027-04-04&to=2027-09-26",
    "from=2027-02-01&to=2028-04-12",
]


@pytest.mark.parametrize("zone", ZONES)
def test_every_figure_is_what_the_rows_come_to_counted_by_hand(settings: Any, zone: str) -> None:
    settings.REPORTING_TIME_ZONE = zone
    History(seed=ZONES.index(zone), purchases=350)
    snapshots.build_all(now=END)
    rows = Rows(zone)
    for query in [*QUERIES, *ranges(zone, date(2027, 2, 1), 436)]:
        for currency in ("eur", "usd", "jpy"):
            assert_figures_are_what_the_rows_come_to(rows, query, currency, END)
