"""The page of subscriptions."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from analyticsapp.days import Window
from analyticsapp.kpis import SUBSCRIPTIONS
from analyticsapp.models import SubscriptionDay
from analyticsapp.services import snapshots
from analyticsapp.services.subscriptions import mark
from analyticsapp.tests.test_subscription_figures import Counted, Histories, kept, made_up
from analyticsapp.waterfall import Step, waterfall

pytestmark = pytest.mark.django_db

ADDRESS = "/dashboard/subscriptions/"
JANUARY = f"{ADDRESS}?month=2026-01&currency=eur"


@pytest.fixture
def reader(executive: User, client: Client) -> Client:
    client.force_login(executive)
    return client


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_it_shows_every_figure_with_its_definition_and_its_rows(reader: Client) -> None:
    histories = made_up(1)
    kept(histories)
    html = reader.get(JANUARY).content.decode()
    for kpi in SUBSCRIPTIONS:
        assert f"/dashboard/kpis/#{kpi.key}" in html
        assert f"/dashboard/rows/{kpi.key}/?month=2026-01&amp;currency=eur" in html
    figures = Counted(histories, "eur").figures(Window(date(2026, 1, 1), date(2026, 1, 31)))
    shown = text(html)
    for kpi in SUBSCRIPTIONS:
        assert f"{kpi.name} {kpi.number(figures[kpi.key], 'eur')}" in shown, kpi.key
    early = text(reader.get(f"{ADDRESS}?month=2025-06&currency=eur").content.decode())
    assert "so there is no whole year before to compare with" in early
    assert "so there is no whole" not in shown


def test_the_rows_of_each_figure_agree_with_it(reader: Client) -> None:
    kept(made_up(1))
    for kpi in SUBSCRIPTIONS:
        html = reader.get(f"/dashboard/rows/{kpi.key}/?month=2026-01&currency=eur")
        shown = text(html.content.decode())
        assert "Exactly the figure that the dashboard shows" in shown, kpi.key
        assert "Subscriptions" in shown


LINK = re.compile(r'<a(?: class="rows")? href="(/dashboard/rows/[^"]+)">([^<]+)</a></td>')


def test_every_number_leads_to_rows_that_come_to_it(reader: Client) -> None:
    kept(made_up(1))
    html = reader.get(JANUARY).content.decode()
    links = dict.fromkeys(LINK.findall(html))
    assert len(links) > 50
    for url, shown in links:
        rows = reader.get(unescape(url)).context
        assert rows["agrees"], url
        number = rows["kpi"].number(rows["value"], "eur")
        assert shown.lstrip("+−") in (number.lstrip("−"), str(rows["sum"].rows)), (url, shown)


def test_the_opening_of_a_long_period_leads_to_its_rows(reader: Client) -> None:
    kept(made_up(1))
    page = reader.get(f"{ADDRESS}?from=2025-09-01&to=2026-01-31&currency=eur")
    html = page.content.decode()
    opening, _, _ = html[html.index("Opening, before") :].partition("</tr>")
    found = [reader.get(unescape(url)).context["sum"].amount for url, _ in LINK.findall(opening)]
    now = page.context["now"]
    assert found == [now.opening_minor, now.opening_customers]
    assert all(found)


def test_a_figure_of_a_long_period_is_said_to_be_of_its_last_day(reader: Client) -> None:
    kept(made_up(1))
    html = reader.get("/dashboard/rows/mrr/?from=2025-06-01&to=2026-01-31&currency=eur")
    assert "The figure is that of the last day" in text(html.content.decode())


def test_movements_lead_to_the_subscription_for_those_who_may_open_it(
    reader: Client,
) -> None:
    kept(made_up(1))
    link = "/admin/payments/subscription/sub_"
    html = reader.get(JANUARY).content.decode()
    assert link not in html
    assert "sub_cus_" in html
    reader.force_login(User.objects.create_superuser("root"))
    assert link in reader.get(JANUARY).content.decode()


def test_it_costs_the_same_for_few_and_for_many(reader: Client, queries: Any) -> None:
    def cost() -> int:
        with queries() as captured:
            assert reader.get(JANUARY).status_code == 200
        return len(captured)

    few: Histories = {key: subs for key, subs in made_up(1).items() if key[0] < "cus_09"}
    kept(few)
    before = cost()
    kept({(f"many_{who}", currency): subs for (who, currency), subs in made_up(2, 80).items()})
    assert cost() == before <= 20


def test_it_says_that_something_changed_since(reader: Client) -> None:
    kept(made_up(1))
    snapshots.refresh()
    since = "Some days have changed since then"
    anew = "all of them are being counted anew"
    assert since not in (shown := text(reader.get(JANUARY).content.decode()))
    assert anew not in shown
    mark(["cus_01"])
    assert since in text(reader.get(JANUARY).content.decode())
    snapshots.refresh()
    for changed in ({"MRR_COUNTS_PAST_DUE": False}, {"REPORTING_TIME_ZONE": "Asia/Tokyo"}):
        with override_settings(**changed):
            assert anew in text(reader.get(JANUARY).content.decode())
            sales = text(reader.get("/dashboard/").content.decode())
            assert (anew in sales) is ("REPORTING_TIME_ZONE" in changed)
    assert anew not in text(reader.get(JANUARY).content.decode())


def test_without_subscriptions_it_says_so(reader: Client) -> None:
    html = text(reader.get(ADDRESS).content.decode())
    assert "No subscriptions yet" in html


def test_it_says_what_counts(reader: Client) -> None:
    kept(made_up(1))
    assert "Trials don’t count" in text(reader.get(JANUARY).content.decode())
    with override_settings(MRR_COUNTS_TRIALS=True):
        assert "Trials count" in text(reader.get(JANUARY).content.decode())
    assert "Past due count" in text(reader.get(JANUARY).content.decode())
    with override_settings(MRR_COUNTS_PAST_DUE=False):
        assert "Past due don’t count" in text(reader.get(JANUARY).content.decode())


def test_a_waterfall_begins_each_step_where_the_last_one_ended() -> None:
    chart = waterfall(
        "name",
        "Title",
        [
            Step("Opening", 10_000, True),
            Step("New", 5_000),
            Step("Churn", -7_512),
            Step("Closing", 7_488, True),
        ],
        "eur",
    )
    opening, new, churn, closing = chart.bars
    assert [bar.kind for bar in chart.bars] == ["total", "gain", "loss", "total"]
    assert [bar.label for bar in chart.bars] == ["100", "+50", "−75", "75"]
    assert opening.join is not None
    assert opening.join[2] == opening.y
    assert float(new.y) + float(new.height) == pytest.approx(float(opening.y), abs=0.2)
    assert churn.y == new.y
    assert float(churn.y) + float(churn.height) == pytest.approx(float(closing.y), abs=0.2)
    assert closing.join is None
    assert "Churn −75.12 EUR" in chart.description


def test_where_what_moved_is_far_above_nothing_the_axis_begins_below_it() -> None:
    steps = [Step("Opening", 1_000_000, True), Step("New", 5_000), Step("Churn", -2_000)]
    chart = waterfall("name", "Title", [*steps, Step("Closing", 1_003_000, True)], "eur")
    assert chart.base == "9,970.00 EUR"
    assert "The axis begins at 9,970.00 EUR." in chart.description
    assert [row.zero for row in chart.rows].index(True) == 0
    heights = [float(bar.height) for bar in chart.bars]
    assert heights[1] / heights[2] == pytest.approx(2.5, abs=0.02)
    assert heights[1] > 40
    small = waterfall("name", "Title", [Step("Opening", 500, True), Step("New", 5_000)], "eur")
    assert small.base == ""


def test_it_says_what_only_invoices_or_nothing_tells_of(reader: Client) -> None:
    kept(made_up(1))
    assert "Older than the events" not in reader.get(JANUARY).content.decode()
    SubscriptionDay.objects.filter(day="2026-01-31").update(from_invoices=2, assumed=1)
    shown = text(reader.get(JANUARY).content.decode())
    assert "2 subscriptions are known from invoices, 1 only from when it began" in shown


def test_it_shows_the_months_that_have_figures(reader: Client) -> None:
    kept(made_up(1))
    html = text(reader.get(f"{ADDRESS}?month=2025-03&currency=eur").content.decode())
    assert "3 months to Mar 2025" in html
    shown = text(reader.get(f"{ADDRESS}?month=2026-03&currency=eur").content.decode())
    assert "13 months to Mar 2026" in shown
