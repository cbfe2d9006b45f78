"""The page of the rows behind a figure: for whom, of what, how much it costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from analyticsapp.days import DAY, day_of
from analyticsapp.drilldown import DRILLDOWNS
from analyticsapp.kpis.kpi import Ledger
from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from analyticsapp.tests.shop import charge, move, order, refund
from analyticsapp.tests.trade import Trade
from config.tests.lively import subscribe
from config.tests.rows import build
from governance.roles import ROLES
from orders.models import Customer, Order, OrderLine
from orders.states import OrderStatus

pytestmark = pytest.mark.django_db
GROSS = "/dashboard/rows/gross_captured/"


@pytest.fixture
def reader(executive: User, client: Client) -> Client:
    client.force_login(executive)
    return client


@pytest.fixture
def sold() -> None:
    now = timezone.now()
    for n in range(3):
        paid = charge(1_000 + n, now - n * DAY, id=f"ch_{n}", payment_method_type="card")
        order(now - n * DAY, 1_000 + n)
    refund(paid, 500, now, id="re_1")
    snapshots.refresh(now)


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def a_bit_of_everything() -> None:
    """Money of all kinds, orders of customers who come again, and what recurs; up to now."""
    now = timezone.now()
    Trade(seed=11, last=now).save()
    buyer = Customer.objects.create(stripe_customer_id="cus_1", created_at=now - 99 * DAY)
    for days in (99, 9, 2):
        paid_at = now - days * DAY
        known: dict[str, Any] = {"discount_minor": 5, "tax_minor": 10, "shipping_minor": 20}
        row = order(paid_at, 1_000, customer=buyer, refunded_minor=0, **known)
        build(OrderLine, order=row, position=1, product=None, quantity=2, total_minor=970, taken=0)
        move(row, OrderStatus.FULFILLED, paid_at + timedelta(hours=30))
    Order.objects.filter(paid_at__gt=now - 5 * DAY).update(refunded_minor=300)
    order(now - DAY, 500, customer=Customer.objects.create(email="a@b.example", created_at=now))
    snapshots.build_all(now=now)
    subscribe(now)


def test_the_rows_of_every_figure_add_up_to_it(reader: Client) -> None:
    a_bit_of_everything()
    without_rows = set()
    for key in DRILLDOWNS:
        page = reader.get(f"/dashboard/rows/{key}/?days=90&currency=eur")
        assert "Exactly the figure that the dashboard shows" in page.content.decode(), key
        assert page.context["figure"] == page.context["value"], key
        found = page.context["rows"]
        if page.context["sum"].rows <= len(found):
            assert sum(row.amount for row, _ in found) == page.context["sum"].amount, key
        without_rows |= {key} - {key for shown in page.context["parts"] if shown.sum.rows}
    # Of these there are none here; test_subscription_figures has them.
    assert without_rows <= {
        *(f"{status}_subscriptions" for status in ("past_due", "unpaid", "paused")),
        *("mrr_contraction", "mrr_reactivation"),
    }


@pytest.mark.parametrize("ledger", Ledger)
def test_every_figure_has_a_page_of_its_months(reader: Client, ledger: Ledger) -> None:
    for key, drilldown in DRILLDOWNS.items():
        if drilldown.kpi.ledger is ledger:
            text(reader, f"/dashboard/rows/{key}/?from=2024-01-01&to=2026-01-31&currency=eur")
            text(reader, f"/dashboard/rows/{key}/")


def test_a_figure_is_listed_with_its_sum(reader: Client, sold: None) -> None:
    page = text(reader, f"{GROSS}?days=7&currency=eur")
    assert "30.03 EUR 3 rows" in page
    assert "Exactly the figure that the dashboard shows , 30.03" in page.replace(
        "shows,", "shows ,"
    )
    assert re.findall(r"ch_\d charge succeeded · card", page) == [
        f"ch_{n} charge succeeded · card" for n in range(3)
    ]
    assert "All 3 30.03" in page


def test_a_ratio_is_shown_with_both_of_its_parts(reader: Client, sold: None) -> None:
    page = text(reader, "/dashboard/rows/aov/?days=7&currency=eur")
    assert "Captured by the orders paid 30.03 EUR 3 rows" in page
    assert "Average order value 10.01 EUR from these rows" in page
    response = reader.get("/dashboard/rows/aov/?days=7&currency=eur&part=2")
    assert response.context["sum"].amount == 3
    assert b"part=2" in response.content  # another period keeps it


def test_a_figure_that_is_behind_its_rows_says_so(reader: Client, sold: None) -> None:
    charge(5, timezone.now())
    assert "being counted anew" in text(reader, f"{GROSS}?days=7&currency=eur")
    snapshots.refresh()
    DaySnapshot.objects.update(gross_minor=1)
    page = text(reader, f"{GROSS}?days=7&currency=eur")
    assert "The dashboard shows 0.03. Its figure isn’t what these rows come to" in page


def test_days_that_no_window_has_are_counted_from_their_rows(reader: Client, sold: None) -> None:
    first = day_of(timezone.now()) - 4 * DAY
    page = text(reader, f"/dashboard/rows/customers/?from={first}&to={first + 2 * DAY}")
    assert "The dashboard has no figure for these days" in page


def test_rows_link_to_the_admin_for_those_who_may_see_them_there(
    client: Client, sold: None
) -> None:
    expected = {"finance", "auditor", "administrator"}
    for role in ROLES:
        user = User.objects.create_user(role.name, is_staff=role.name in expected)
        user.groups.add(Group.objects.get(name=role.name))
        client.force_login(user)
        response = client.get(f"{GROSS}?currency=eur")
        if role.name == "operator":
            assert response.status_code == 403
            continue
        linked = b'href="/admin/payments/charge/ch_5F0/change/"' in response.content
        assert linked == (role.name in expected), role.name
        assert b"ch_0" in response.content


def test_one_goes_through_the_rows_by_their_place(reader: Client) -> None:
    now = timezone.now()
    for n in range(120):
        charge(n + 1, now - timedelta(seconds=n), id=f"ch_{n:03}")
    snapshots.refresh(now)
    seen: list[str] = []
    url = f"{GROSS}?days=7&currency=eur"
    while url:
        response = reader.get(url)
        seen += [row.key for row, _ in response.context["rows"]]
        newer, url = response.context["newer"], response.context["older"]
    assert seen == [f"ch_{n:03}" for n in range(120)]
    back = reader.get(newer)
    assert [row.key for row, _ in back.context["rows"]] == seen[50:100]


@pytest.mark.parametrize(
    "query",
    ["older=x", "older=2026-11-01,ch", "newer=2026-11-01T00:00:00%2B00:00,%00", "older=%00"],
)
def test_a_place_that_is_none_is_not_found(reader: Client, sold: None, query: str) -> None:
    assert reader.get(f"{GROSS}?currency=eur&{query}").status_code == 404


@pytest.mark.parametrize("query", ["part=9", "part=x", "currency=%00", "days=8", "from=x"])
def test_other_senseless_parameters_are_taken_as_the_default(
    reader: Client, sold: None, query: str
) -> None:
    assert "All 3" in text(reader, f"{GROSS}?{query}")


@pytest.mark.parametrize(
    "figure",
    [
        "nothing/",
        "net_sales/?category=charge",
        "balance_change/?category=%00",
        "fees/?fee=" + "x" * 81,
        "inquiries/?status=lost",
        "disputes_opened/?status=prevented",
    ],
)
def test_a_figure_that_is_none_is_not_found(reader: Client, figure: str) -> None:
    assert reader.get(f"/dashboard/rows/{figure}").status_code == 404


def test_nobody_is_sent_to_sign_in(client: Client) -> None:
    assert client.get(GROSS).status_code == 302


@pytest.mark.parametrize("key", ["net_sales", "aov", "repeat_rate"])
@pytest.mark.parametrize("period", ["days=90", "from=2020-01-01&to=2026-06-30"])
def test_the_page_costs_the_same_however_much_there_is(
    reader: Client, sold: None, queries: Any, key: str, period: str
) -> None:
    def cost() -> int:
        with queries() as captured:
            text(reader, f"/dashboard/rows/{key}/?{period}&currency=eur")
        return len(captured)

    few = cost()
    for n in range(60):
        paid = charge(10, timezone.now() - n * timedelta(hours=1))
        refund(paid, 5, timezone.now() - n * timedelta(hours=1))
        order(timezone.now() - n * timedelta(hours=1), 10)
    snapshots.refresh()
    assert cost() == few <= 11
