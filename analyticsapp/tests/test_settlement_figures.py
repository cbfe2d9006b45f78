"""Every figure of the settlement, and the bridge, counted a second way: straight from the rows."""

from __future__ import annotations

from collections import Counter
from datetime import date
from random import Random
from typing import Any

import pytest
from django.test import override_settings

from analyticsapp.bridge.lines import line_of
from analyticsapp.bridge.report import COLUMNS, as_rows
from analyticsapp.days import DAY, Window
from analyticsapp.drilldown.bridge import rows_of_line
from analyticsapp.drilldown.rows import page, total
from analyticsapp.drilldown.settlement import SETTLEMENT as ROWS
from analyticsapp.kpis import KPIS, SETTLEMENT, Settled
from analyticsapp.kpis.settlement import Moved
from analyticsapp.selectors.bridge import Bridge, bridge
from analyticsapp.selectors.sales import totals
from analyticsapp.selectors.settlement import cohorts, settled, settled_by_day, settled_by_month
from analyticsapp.services import snapshots
from analyticsapp.tests import counted_bridge
from analyticsapp.tests.counted_figures import Rows, Settlement
from analyticsapp.tests.shop import at, charge, put
from analyticsapp.tests.trade import LAST, Trade
from payments.models import Dispute

pytestmark = pytest.mark.django_db

TODAY = LAST.date()


def windows(seed: int) -> list[Window]:
    """7, 30 and 90 days, months, and any others."""
    pick = Random(seed)
    found = [Window.ending(TODAY, days) for days in (1, 7, 30, 90)]
    found += [Window(date(2026, 9, 1), date(2026, 9, 30)), Window(date(2026, 10, 1), TODAY)]
    for _ in range(6):
        first = TODAY - pick.randint(0, 105) * DAY
        found.append(Window(first, first + pick.randint(0, 40) * DAY))
    return found


def counted(window: Window, lines: dict[Any, list[int]]) -> dict[tuple[str, str, str], list[int]]:
    """The bridge of a period from that of all days: what leaves and comes in again is neither."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for (day, currency, counterpart, line, other_day), (amount, rows) in lines.items():
        if day in window and not (other_day and other_day in window):
            sums = found.setdefault((line, currency, counterpart), [0, 0])
            sums[0] += amount
            sums[1] += rows
    return found


@pytest.mark.parametrize("zone", ["UTC", "America/Havana", "Pacific/Auckland", "Asia/Kolkata"])
def test_every_figure_and_the_bridge_are_what_the_rows_say(zone: str) -> None:
    Trade(seed=11).save()
    with override_settings(REPORTING_TIME_ZONE=zone):
        snapshots.build_all(now=LAST)
        lines, rows = counted_bridge.Bridge().lines, Rows(zone)
        asked = windows(len(zone))
        for currency in ("eur", "usd", "jpy"):
            for window, found in zip(asked, settled(asked, currency), strict=True):
                figures = {kpi.key: kpi.compute(found) for kpi in SETTLEMENT}
                counted_again = Settlement(rows, window.first, window.last, currency).figures()
                assert figures == counted_again, (window, currency)
                assert sum(found.fees.values()) == found.fees_minor
        for window in asked[::4]:
            for drilldown in ROWS:
                sums = [total(part, window, "eur") for part in drilldown.parts]
                where = (drilldown.kpi.key, window)
                assert drilldown.value(sums, window) == drilldown.figure(window, "eur"), where
        for window in asked:
            found_bridge = bridge(window)
            cells = {
                (one.line, one.currency, one.counterpart): [one.amount, one.rows]
                for one in found_bridge.cells
            }
            assert cells == counted(window, lines), window
            leads_from_figure_to_figure(found_bridge, window)


def leads_from_figure_to_figure(found: Bridge, window: Window) -> None:
    """Each figure of the bridge is that of its KPI, in each currency."""
    for entry in found.statement():
        if entry.figure and entry.figure.kpi:
            kpi = KPIS[entry.figure.kpi]
            assert set(entry.amounts) == set(found.currencies)
            for currency, amount in entry.amounts.items():
                read: Any = settled if kpi in SETTLEMENT else totals
                assert amount == kpi.compute(read([window], currency)[0]), (kpi.key, window)
        elif entry.figure:
            sold_alone = {"jpy", "gbp"} & set(entry.amounts)
            assert all(entry.amounts[one] == 0 for one in sold_alone)


LINES = """captured refunded sales_out sales_in refunds_out refunds_in sales_unsettled exchanged_out
exchanged_in unmatched category:dispute category:dispute_reversal category:charge_failure
category:other_adjustment category:tax category:moon_tax category:payout category:payout_reversal
fee:stripe_fee fee:tax fee:unspecified"""


def test_the_trade_has_every_line_and_the_rows_of_each_add_up_to_it() -> None:
    Trade(seed=11).save()
    snapshots.build_all(now=LAST)
    seen: Counter[str] = Counter()
    for window in [Window(TODAY - n * DAY, TODAY - n * DAY) for n in range(100)]:
        for cell in bridge(window).cells:
            seen[cell.line] += 1
            if seen[cell.line] < 3:
                part = rows_of_line(cell.line, cell.line, window, cell.counterpart)
                found = total(part, window, cell.currency)
                assert (found.rows, found.amount) == (cell.rows, cell.amount), cell
                rows = page(part, window, cell.currency, limit=1_000).rows
                assert sum(row.amount for row in rows) == cell.amount
                assert len({(row.at, row.key) for row in rows}) == cell.rows
    assert set(seen) >= set(LINES.split())


def test_rows_of_all_other_currencies_are_listed_where_none_is_named() -> None:
    Trade(seed=11).save()
    snapshots.build_all(now=LAST)
    window = Window.ending(TODAY, 30)
    cells = [one for one in bridge(window).cells if one.line == "exchanged_in"]
    assert {(one.currency, one.counterpart) for one in cells} == {("eur", "jpy"), ("usd", "gbp")}
    fees = [one for one in bridge(window).cells if one.line == "fee:tax" and one.currency == "eur"]
    assert {one.counterpart for one in fees} == {"eur", "jpy"}
    found = total(rows_of_line("Tax", "fee:tax", window), window, "eur")
    assert found.amount == sum(one.amount for one in fees)


def test_days_and_months_add_up_to_the_whole() -> None:
    Trade(seed=11).save()
    snapshots.build_all(now=LAST)
    window = Window(date(2026, 9, 10), TODAY)
    [whole] = settled([window], "eur")
    for parts in (settled_by_day(window, "eur"), settled_by_month(window, "eur")):
        for kpi in SETTLEMENT:
            if kpi.key not in ("fee_rate", "disputes_opened", "disputes_opened_value", "inquiries"):
                values = [kpi.compute(one) for one in parts.values()]
                assert sum(value or 0 for value in values) == kpi.compute(whole), kpi.key
        assert all(Window(day, day).first in window or day.day == 1 for day in parts)


def test_a_month_is_immature_while_its_charges_may_still_be_disputed() -> None:
    for month in (6, 7):
        charge(1_000, at(30, month=month), id=f"ch_{month}")
    put(Dispute, "dp_1", charge_id="ch_6", status="lost", currency="eur", amount=1, created=at(1))
    snapshots.build_all(now=LAST)
    for today, mature in (
        (date(2026, 10, 28), [False, False]),
        (date(2026, 10, 29), [False, True]),
    ):
        found = cohorts("eur", today)
        assert [one.month for one in found] == [date(2026, 7, 1), date(2026, 6, 1)]
        assert [one.mature for one in found] == mature
        assert [one.rate for one in found] == [0, 1]
    assert found[1].mature_on == date(2026, 10, 29)  # 120 days after June
    assert cohorts("eur", date(2027, 8, 1)) == []


def test_the_csv_is_a_statement_for_each_currency() -> None:
    Trade(seed=11).save()
    snapshots.build_all(now=LAST)
    found = bridge(Window.ending(TODAY, 30))
    sums: Counter[str] = Counter()
    keys = list(COLUMNS)
    for row in as_rows(found):
        assert len(row) == len(COLUMNS)
        told = dict(zip(keys, row, strict=True))
        if told["kind"] == "line":
            sums[str(told["currency"])] += int(told["amount_minor"])
        else:
            assert told["amount_minor"] == sums[str(told["currency"])]
    net = {one: KPIS["balance_change"].compute(settled([found.window], one)[0]) for one in sums}
    assert dict(sums) == net
    unmatched = [row for row in as_rows(found) if row[3] == "unmatched"]
    assert unmatched
    assert all(row[8] == "yes" for row in unmatched)


def test_a_category_that_nobody_knows_is_a_line_by_its_own_name() -> None:
    line = line_of("category:moon_tax")
    assert (line.name, line.look) == ("Moon tax", True)
    assert not line_of("category:climate_order_purchase").look
    assert line_of("fee:moon_fee").name == "Fees: Moon fee"
    moon = Settled(moved={"moon_tax": Moved(1, -7, 1), "payout": Moved(1, -50, 2)})
    assert {kpi.key: kpi.compute(moon) for kpi in SETTLEMENT if kpi.compute(moon)} == {
        "other_movements": -7,
        "fees": 3,
        "settled_net": -10,
        "payouts": 50,
        "balance_change": -60,
    }
