"""The dashboard: the right figures, for those who may see them, at a constant cost."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from analyticsapp.days import DAY, bounds, day_of
from analyticsapp.kpis import BOARD, COMMERCIAL, CUSTOMERS, KPIS, Kpi, Value
from analyticsapp.models import DaySnapshot, ProductDay, SnapshotState, WindowDay
from analyticsapp.periods import Period, period_of
from analyticsapp.selectors import executive as selector
from analyticsapp.selectors.executive import Board
from analyticsapp.selectors.figures import Change
from analyticsapp.services import snapshots
from analyticsapp.tests.history import END, History
from analyticsapp.tests.shop import at, charge, order, refund
from analyticsapp.views.executive import share
from governance.roles import ROLES
from orders.models import Product

pytestmark = pytest.mark.django_db
NOW = at(24, 3)
SHOWN: tuple[Kpi[Any], ...] = (*COMMERCIAL, *CUSTOMERS)


def snapshot(day: date, currency: str = "eur", **values: int) -> DaySnapshot:
    figures = {
        "gross_minor": 1_000,
        "payments": 1,
        "refunds_minor": 0,
        "refunds": 0,
        "orders": 1,
        "order_value_minor": 1_000,
        **values,
    }
    return DaySnapshot.objects.create(day=day, currency=currency, built_at=NOW, **figures)


def period(query: str) -> Period:
    return period_of(QueryDict(query), NOW)


def board(days: int = 7, currency: str = "eur", query: str = "") -> Board:
    found = selector.board(period(query or f"days={days}"), currency, NOW)
    assert found
    return found


def values(found: Board) -> dict[str, Value | None]:
    return {figure.kpi.key: figure.value for figure in found.figures}


def change(found: Board, key: str) -> Change:
    figure = next(figure for figure in found.figures if figure.kpi.key == key)
    assert figure.change
    return figure.change


@pytest.fixture
def reader(executive: User, client: Client) -> Client:
    client.force_login(executive)
    return client


def test_figures_are_those_of_the_rows_behind_them() -> None:
    paid = charge(10_000, at(20))
    charge(3_333, at(24, 2))
    charge(500, at(17))
    refund(paid, 1_000, at(22))
    order(at(20), 10_000)
    order(at(24, 2), 3_333)
    order(at(17), 500)
    snapshots.refresh(NOW)
    assert values(board(7)) == {
        "gross_captured": 13_333,
        "refunds": 1_000,
        "net_sales": 12_333,
        "orders": 2,
        "aov": 6_666,  # 6,666.5, half to even
    }
    assert values(board(30))["gross_captured"] == 13_833
    assert board(7).slots[-1].value("gross_captured") == 3_333


def test_a_window_is_whole_days_with_today_and_the_one_before_it_as_long() -> None:
    for n in range(20):
        snapshot(date(2026, 11, 24) - n * DAY, gross_minor=1 << n)
    found = board(7)
    assert (found.period.first, found.period.last) == (date(2026, 11, 18), date(2026, 11, 24))
    assert values(found)["gross_captured"] == 0b1111111
    assert change(found, "gross_captured").before == 0b1111111 << 7


def test_the_day_is_the_reporting_zones(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "America/Los_Angeles"
    snapshot(date(2026, 11, 23))
    assert board().period.last == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("key", "before", "after", "direction", "verdict", "percent"),
    [
        ("gross_captured", 1_000, 1_234, "up", "better", "23.4"),
        ("gross_captured", 2_000, 1_999, "down", "worse", "0.0"),
        ("gross_captured", 800, 801, "up", "better", "0.1"),
        ("refunds", 1_000, 2_000, "up", "worse", "100.0"),
        ("refunds", 1_000, 500, "down", "better", "50.0"),
        ("net_sales", 5, 5, "unchanged", "", "0.0"),
        ("net_sales", 0, 5, "up", "better", None),
        ("net_sales", -10, 5, "up", "better", None),
    ],
)
def test_a_change_has_direction_verdict_and_percent(
    key: str, before: int, after: int, direction: str, verdict: str, percent: str | None
) -> None:
    found = Change(KPIS[key], before, after - before)
    assert (found.direction, found.verdict) == (direction, verdict)
    assert found.percent == (Decimal(percent) if percent else None)
    assert found.points is None


def test_a_rate_changes_by_points_and_not_by_percent_of_itself() -> None:
    found = Change(KPIS["refund_rate_value"], Fraction(2, 100), Fraction(1, 100))
    assert (found.percent, found.points) == (None, Decimal("1.0"))


def test_currencies_are_never_added_and_the_busiest_comes_first() -> None:
    for n in range(14):
        day = date(2026, 11, 24) - n * DAY
        snapshot(day, "eur", gross_minor=10**9)
        snapshot(day, "jpy", gross_minor=7, payments=5)
    assert board(currency="").currency == "jpy"
    assert board(currency="").currencies == ["jpy", "eur"]
    assert values(board(currency="eur"))["gross_captured"] == 7 * 10**9
    assert values(board(currency="jpy"))["gross_captured"] == 49


def test_a_currency_that_was_sold_in_lately_stays_in_the_switch_for_each_window() -> None:
    snapshot(date(2026, 11, 24), "eur")
    snapshot(date(2026, 8, 1), "usd")
    assert board(7).currencies == ["eur", "usd"]
    assert values(board(7, "usd"))["gross_captured"] == 0


def test_a_currency_of_the_period_is_in_the_switch_however_long_ago_that_was() -> None:
    charge(500, at(3, month=1), currency="gbp")
    charge(100, at(3, month=10), currency="eur")
    snapshots.refresh(at(4))
    now = at(4, month=10)
    found = selector.board(period_of({"month": "2026-01"}, now), "gbp", now)
    assert found is not None
    assert (found.currency, found.currencies) == ("gbp", ["eur", "gbp"])
    assert values(found)["gross_captured"] == 500
    assert board(currency="gbp").currency == "eur"  # of the last days there is none


def test_a_shop_that_stopped_selling_long_ago_still_opens() -> None:
    snapshot(date(2020, 1, 1), "eur")
    assert values(board(30)) == {
        "gross_captured": 0,
        "refunds": 0,
        "net_sales": 0,
        "orders": 0,
        "aov": None,
    }


def test_nothing_is_compared_with_a_period_that_began_before_the_figures_do() -> None:
    for n in range(13):
        snapshot(date(2026, 11, 24) - n * DAY)
    assert not board(7).comparable.before
    assert all(figure.change is None for figure in board(7).figures)
    snapshot(date(2026, 11, 11))
    assert board(7).comparable.before
    assert change(board(7), "orders").delta == 0


def test_an_average_that_was_undefined_has_no_change() -> None:
    snapshot(date(2026, 11, 24))
    snapshot(date(2026, 11, 1), orders=0, order_value_minor=0)
    found = next(figure for figure in board(7).figures if figure.kpi.key == "aov")
    assert (found.value, found.change) == (1_000, None)


@pytest.mark.parametrize(
    "query",
    [
        "days=8",
        "days=" + "9" * 5000,
        "days=%00&currency=%00",
        "month=2026-13",
        "from=2026-02-30",
        "from=2026-03-02&to=2026-03-01",
    ],
)
def test_a_senseless_period_is_told_and_shown_as_30_days(reader: Client, query: str) -> None:
    snapshot(day_of(timezone.now()))
    response = reader.get(f"/dashboard/?{query}")
    assert response.status_code == 200
    assert response.context["period"].query == "days=30"
    assert "These are the last 30 days instead." in response.content.decode()


@pytest.mark.parametrize(
    "currency", ["xxx", "%00", "' OR 1=1", "%F0%9F%92%A9", "e" * 3000, "eur&currency=usd"]
)
def test_a_senseless_currency_is_taken_as_the_busiest(reader: Client, currency: str) -> None:
    snapshot(day_of(timezone.now()))
    response = reader.get(f"/dashboard/?days=7&currency={currency}")
    assert response.status_code == 200
    assert response.context["board"].currency == "eur"


@pytest.mark.parametrize(
    "query", ["days=7", "days=90", "quarter=2026-Q3", "from=2025-07-01&to=2026-11-01"]
)
def test_the_page_costs_the_same_however_much_there_is(
    reader: Client, queries: Any, query: str
) -> None:
    def cost() -> int:
        with queries() as captured:
            assert reader.get(f"/dashboard/?{query}&currency=eur").status_code == 200
        return len(captured)

    snapshot(day_of(timezone.now()))
    few = cost()
    rows = [
        DaySnapshot(
            day=day_of(timezone.now()) - n * DAY,
            currency=currency,
            gross_minor=1,
            payments=1,
            refunds_minor=0,
            refunds=0,
            orders=1,
            order_value_minor=1,
            built_at=NOW,
        )
        for n in range(1, 500)
        for currency in ("eur", "usd", "jpy")
    ]
    DaySnapshot.objects.bulk_create(rows)
    assert cost() == few <= 12


def test_each_role_sees_the_page_or_is_told_why_not(client: Client) -> None:
    allowed = {"executive", "analyst", "finance", "auditor", "administrator"}
    for role in ROLES:
        user = User.objects.create_user(role.name)
        user.groups.add(Group.objects.get(name=role.name))
        client.force_login(user)
        response = client.get("/dashboard/")
        assert response.status_code == (200 if role.name in allowed else 403), role.name
        if response.status_code == 403:
            assert b"include this page" in response.content
            assert b"Gross captured" not in response.content


def test_nobody_is_sent_to_sign_in(client: Client) -> None:
    response = client.get("/dashboard/?days=7")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/dashboard/%3Fdays%3D7"


def test_the_page_only_reads(reader: Client) -> None:
    assert reader.post("/dashboard/").status_code == 405


def test_the_page_says_how_fresh_its_figures_are(reader: Client, settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    charge(100, bounds(day_of(timezone.now()))[0])
    now = timezone.now()
    snapshots.refresh(now)
    page = reader.get("/dashboard/").content.decode()
    assert f"{now:%Y-%m-%d %H:%M} UTC</time> · days in Europe/Berlin" in page
    assert "counted anew" not in page
    charge(100, now)
    assert "counted anew" in reader.get("/dashboard/").content.decode()
    SnapshotState.objects.update(refreshed_at=now - timedelta(hours=3))
    assert "3\xa0hours old" in reader.get("/dashboard/").content.decode()


def test_a_fresh_shop_is_told_what_to_do(reader: Client) -> None:
    page = reader.get("/dashboard/").content.decode()
    assert "No sales yet" in page
    assert "http://testserver/stripe/webhook/" in page
    assert '<svg class="chart"' not in page


def test_the_page_has_a_definition_for_each_figure_and_nothing_inline(reader: Client) -> None:
    snapshot(day_of(timezone.now()))
    response = reader.get("/dashboard/")
    page = response.content.decode()
    definitions = reader.get("/dashboard/kpis/").content.decode()
    for kpi in SHOWN:
        assert f'href="/dashboard/kpis/#{kpi.key}"' in page
        assert f'href="/dashboard/rows/{kpi.key}/?days=30&amp;currency=eur"' in page
        assert f'<div id="{kpi.key}">' in definitions
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|\snonce=", page)
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_every_day_of_the_window_is_in_the_table_and_sums_to_the_total(reader: Client) -> None:
    today = day_of(timezone.now())
    for n in range(40):
        snapshot(today - n * DAY, gross_minor=100 + n, refunds_minor=200 if n == 3 else 0)
    response = reader.get("/dashboard/?days=30")
    page = response.content.decode()
    table = page[page.index('<table class="figures days">') :]
    cells = re.findall(r"<time datetime=\"[\d-]+\">.*?</th><td[^>]*><a[^>]*>([\d.,−]+)</a>", table)
    assert len(cells) == 30
    assert sum(round(float(cell) * 100) for cell in cells) == sum(100 + n for n in range(30))
    assert re.search(
        r'<td class="negative"><a[^>]*>−0\.97</a></td>', page
    )  # by more than its colour


def test_a_month_stands_beside_the_month_before_and_the_year_before() -> None:
    snapshot(date(2025, 1, 1))
    snapshot(date(2026, 10, 31), gross_minor=400)
    snapshot(date(2026, 9, 1), gross_minor=100)
    snapshot(date(2025, 10, 1), gross_minor=800)
    found = board(query="month=2026-10")
    gross = found.figures[0]
    assert (gross.value, gross.change, gross.year_change) == (
        400,
        Change(KPIS["gross_captured"], 100, 300),
        Change(KPIS["gross_captured"], 800, -400),
    )


def test_a_day_that_the_period_before_has_not_is_compared_with_none() -> None:
    snapshot(date(2026, 1, 1))
    snapshot(date(2026, 2, 28), gross_minor=5)
    found = board(query="month=2026-03")
    assert [bool(slot.before) for slot in found.slots] == [True] * 28 + [False] * 3
    before = found.slots[27].before
    assert before
    assert before.gross_minor == 5
    assert len(board(query="month=2026-02").slots) == 28


def test_a_long_period_is_shown_by_month() -> None:
    snapshot(date(2026, 5, 20), gross_minor=1)
    snapshot(date(2026, 5, 21), gross_minor=2)
    snapshot(date(2026, 7, 31), gross_minor=4)
    found = board(query="from=2026-05-21&to=2026-11-03")
    assert not found.by_day
    assert [slot.totals.gross_minor for slot in found.slots] == [2, 0, 4, 0, 0, 0, 0]
    assert found.slots[0].window.first == date(2026, 5, 21)
    assert sum(slot.net_sales for slot in found.slots) == values(found)["net_sales"] == 6


def test_the_trend_has_thirteen_months_up_to_the_periods_last() -> None:
    for month in range(1, 12):
        snapshot(date(2026, month, 3), gross_minor=month)
    snapshot(date(2025, 10, 3), gross_minor=10)
    snapshot(date(2025, 9, 3), gross_minor=9)
    trend = board(query="days=7").months
    assert [slot.net_sales for slot in trend] == [0, 0, *range(1, 12)]
    assert (trend[0].window.first, trend[-1].window.last) == (date(2025, 11, 1), date(2026, 11, 24))
    trend = board(query="month=2026-02").months
    assert [slot.net_sales for slot in trend] == [9, 10, 0, 0, 1, 2]  # earlier ones have no figures


def test_figures_are_ordered_by_how_much_they_changed_for_what_they_were() -> None:
    snapshot(date(2026, 11, 11), gross_minor=1_000, refunds_minor=10, order_value_minor=1_000)
    snapshot(date(2026, 11, 20), gross_minor=1_100, refunds_minor=20, order_value_minor=1_050)
    movers = board(7).movers
    assert [(one.kpi.key, one.percent or one.points) for one in movers] == [
        ("refunds", Decimal(100)),
        ("refund_rate_value", Decimal("0.8")),  # 1.0 to 1.8 percent
        ("gross_captured", Decimal(10)),
        ("net_sales", Decimal("9.1")),
        ("aov", Decimal(5)),
    ]
    DaySnapshot.objects.filter(day=date(2026, 11, 11)).delete()
    assert board(7).movers == []


def test_products_are_ordered_by_sales_and_by_how_much_those_changed() -> None:
    rows = [
        ("kept", 11, 500),
        ("kept", 20, 510),
        ("gone", 11, 300),
        ("new", 19, 100),
        ("new", 20, 50),
        (None, 20, 7),
    ]
    snapshot(date(2026, 11, 11))
    for sku, day, amount in rows:
        product = (
            Product.objects.get_or_create(sku=sku, defaults={"name": sku, "created_at": NOW})[0]
            if sku
            else None
        )
        ProductDay.objects.create(
            day=date(2026, 11, day),
            currency="eur",
            product=product,
            orders=1,
            units=2,
            sales_minor=amount,
            built_at=NOW,
        )
    found = board(7).products
    assert [(one.name, one.now.units, one.now.sales_minor, share(one)) for one in found.best] == [
        ("kept", 2, 510, "76.5%"),
        ("new", 4, 150, "22.5%"),
        ("Lines of no product", 2, 7, "1.0%"),
    ]
    assert [(one.name, one.change_minor) for one in found.moved] == [
        ("gone", -300),
        ("new", 150),
        ("kept", 10),
        ("Lines of no product", 7),
    ]
    assert (found.total.now.sales_minor, found.total.change_minor) == (667, -133)


def test_other_currencies_stand_for_themselves() -> None:
    for currency, amount in (("eur", 1), ("usd", 10), ("jpy", 100)):
        snapshot(date(2026, 11, 11), currency, gross_minor=amount)
        snapshot(date(2026, 11, 24), currency, gross_minor=2 * amount)
    found = board(7, "usd")
    assert values(found)["net_sales"] == 20
    assert [(one.currency, one.figure.value) for one in found.elsewhere] == [
        ("eur", 2),
        ("jpy", 200),
    ]


def test_customers_are_shown_for_the_days_that_they_are_counted_for(reader: Client) -> None:
    snapshot(date(2026, 1, 1))
    WindowDay.objects.create(
        day=date(2026, 10, 31),
        currency="eur",
        span=WindowDay.Span.MONTH,
        new_customers=6,
        returning_customers=3,
        built_at=NOW,
    )
    found = {one.kpi.key: one for one in board(query="month=2026-10").more}
    assert [found[key].value for key in ("customers", "new_customers")] == [9, 6]
    assert KPIS["repeat_rate"].number(found["repeat_rate"].value, "eur") == "33.3%"
    found = {one.kpi.key: one for one in board(query="from=2026-10-03&to=2026-10-31").more}
    assert found["customers"].value is None
    page = reader.get("/dashboard/?from=2026-10-03&to=2026-10-31").content.decode()
    assert "only for 7, 30 and 90 days, months and quarters" in page


def test_every_figure_of_the_page_leads_to_rows_that_add_up_to_it(
    client: Client, executive: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    History(seed=3, purchases=80)
    snapshots.build_all(now=END)
    monkeypatch.setattr(timezone, "now", lambda: END)
    client.force_login(executive)
    page = client.get("/dashboard/?quarter=2028-Q1&currency=eur").content.decode()
    above, days = page.split('id="days-caption"')
    lines = days.split("</tr>")
    page = above + "".join(lines[::9])  # of 91 days some
    links = re.findall(r'<a href="(/dashboard/rows/[^"]+)">\s*([−\d.,%h –]+?)\s*<', page)
    assert len(links) > 150
    assert len(days.split("/dashboard/rows/")) == (1 + 91) * len(BOARD) + 1
    assert any("product=none" in url for url, _ in links)
    for url, shown in dict(links).items():
        rows = client.get(html.unescape(url))
        kpi, currency = rows.context["kpi"], rows.context["currency"]
        assert kpi.number(rows.context["value"], currency) == shown, url
        assert rows.context["agrees"], url
