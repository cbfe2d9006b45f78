"""The page of products: counted a second way, sorted, paged, and traced to its rows."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from analyticsapp.days import DAY, Window, day_of
from analyticsapp.drilldown import DRILLDOWNS
from analyticsapp.drilldown.products import KEYS, of_product
from analyticsapp.drilldown.rows import total
from analyticsapp.kpis import KPIS
from analyticsapp.models import ProductDay
from analyticsapp.periods import Comparable, Kind, Period
from analyticsapp.selectors.products import PAGE, SORTS, SoldProduct, sold_products
from analyticsapp.selectors.sales import totals
from analyticsapp.services import snapshots
from analyticsapp.tests.shop import at, order
from config.tests.rows import build
from governance.roles import ROLES
from orders.models import OrderLine, Product

pytestmark = pytest.mark.django_db

ADDRESS = "/dashboard/products/"
TODAY = date(2026, 11, 24)


def product(sku: str, stock: int | None = None) -> Product:
    return build(Product, sku=sku, name=f"The {sku}", stock=stock)


def bought(when: Any, *lines: tuple[Product | None, int, int], currency: str = "eur") -> None:
    """An order, paid then, of lines of a product, a quantity and what they brought."""
    one = order(when, sum(sales for _, _, sales in lines), currency=currency)
    for position, (of, quantity, sales) in enumerate(lines, 1):
        build(
            OrderLine,
            order=one,
            position=position,
            product=of,
            quantity=quantity,
            total_minor=sales,
            taken=0,
            returned=0,
        )


def period(first: date, last: date, today: date = TODAY) -> Period:
    return Period(first, last, today)


def days(n: int) -> Period:
    return Period.of_days(n, TODAY)


def by_sku(found: list[SoldProduct]) -> dict[str, SoldProduct]:
    return {row.sku: row for row in found}


@pytest.fixture
def reader(executive: User, client: Client) -> Client:
    client.force_login(executive)
    return client


def counted_again(window: Window, currency: str) -> dict[int | None, tuple[int, int, int]]:
    """Orders, units and sales of each product, row by row and in Python."""
    orders: dict[int | None, set[int]] = defaultdict(set)
    units: dict[int | None, int] = defaultdict(int)
    sales: dict[int | None, int] = defaultdict(int)
    for line in OrderLine.objects.select_related("order").filter(order__paid_at__isnull=False):
        paid_at = line.order.paid_at
        if paid_at and line.order.currency == currency and day_of(paid_at) in window:
            orders[line.product_id].add(line.order_id)
            units[line.product_id] += line.quantity
            sales[line.product_id] += line.total_minor
    return {key: (len(orders[key]), units[key], sales[key]) for key in orders}


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_every_figure_counted_a_second_way_over_any_days(zone: str, settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = zone
    chance = random.Random(zone)
    goods = [product(f"P{n}") for n in range(4)]
    for _ in range(60):
        when = at(24, 12) - timedelta(minutes=chance.randint(0, 60 * 24 * 420))
        lines = [
            (chance.choice([*goods, None]), chance.randint(1, 5), chance.randint(0, 9_999))
            for _ in range(chance.randint(1, 4))
        ]
        bought(when, *lines, currency=chance.choice(["eur", "eur", "jpy"]))
    snapshots.build_all(now=at(24, 13))
    today = day_of(at(24, 13))
    shown = [Period.of_days(n, today) for n in (7, 30, 90)]
    shown.append(Period.of_months(Kind.QUARTER, date(2026, 7, 1), today))
    for _ in range(6):
        last = today - chance.randint(0, 200) * DAY
        shown.append(period(last - chance.randint(0, 200) * DAY, last, today))
    seen = 0
    for one in shown:
        for currency in ("eur", "jpy"):
            found = sold_products(one, currency)
            for name, window in (
                ("now", one),
                ("before", one.before()),
                ("year_before", one.year_before()),
            ):
                again = counted_again(window, currency)
                mine = {
                    row.product_id: (sold.orders, sold.units, sold.sales_minor)
                    for row in found.rows
                    if (sold := getattr(row, name)).orders
                }
                assert mine == again, (one, name)
                whole = getattr(found.total, name)
                assert whole.units == sum(units for _, units, _ in again.values())
                assert whole.sales_minor == sum(sales for _, _, sales in again.values())
                assert whole.units == KPIS["units"].compute(totals([window], currency)[0])
                seen += len(again)
            shares = [KPIS["product_share"].compute(row.now) for row in found.rows]
            if found.total.now.sales_minor:
                assert sum(share or 0 for share in shares) == 1
    assert seen > 100


def shelf() -> dict[str, Product]:
    """Four products and lines of none, each the first by another order."""
    goods = {sku: product(sku, stock) for sku, stock in zip("ABCD", (40, 0, None, 3), strict=True)}
    a, b, c, d = goods.values()
    bought(at(20), (a, 1, 9_000), (None, 2, 500))
    bought(at(21), (b, 30, 3_000))
    for n in (18, 19, 20):
        bought(at(n), (c, 1, 100))
    bought(at(22), (d, 7, 700))
    bought(at(3, month=10), (a, 5, 12_000), (c, 1, 100))
    bought(at(10, year=2025), (b, 1, 200))
    snapshots.build_all(now=at(24, 3))
    return goods


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("sales", ["A", "B", "D", None, "C"]),
        ("-sales", ["C", None, "D", "B", "A"]),
        ("units", ["B", "D", "C", None, "A"]),
        ("orders", ["C", "A", "B", "D", None]),
        ("change", ["B", "D", None, "C", "A"]),
        ("name", ["A", "B", "C", "D", None]),
        ("stock", ["B", "D", "A", None, "C"]),
        ("nonsense", ["A", "B", "D", None, "C"]),
    ],
)
def test_products_are_sorted_as_asked_for(sort: str, order: list[str | None]) -> None:
    shelf()
    found = sold_products(days(30), "eur", sort=sort).rows
    assert [row.sku for row in found] == order


def test_a_product_that_sells_no_more_is_still_told() -> None:
    goods = {"old": product("OLD"), "new": product("NEW")}
    bought(at(3, month=10), (goods["old"], 5, 5_000))
    bought(at(20), (goods["new"], 1, 100))
    snapshots.build_all(now=at(24, 3))
    found = by_sku(sold_products(days(30), "eur").rows)
    assert (found["OLD"].now.sales_minor, found["OLD"].before.sales_minor) == (0, 5_000)
    assert found["NEW"].before.sales_minor == 0


def test_stock_is_low_where_it_lasts_less_than_two_weeks() -> None:
    shelf()
    found = by_sku(sold_products(days(30), "eur").rows)
    assert {sku: row.low for sku, row in found.items() if sku} == {
        "A": "",
        "B": "out of stock",
        "C": "",  # nobody counts it
        "D": "low stock",  # 3, of which 7 go in 30 days: 12 days
    }
    compute = KPIS["days_of_stock"].compute
    assert [compute(found[sku].now) for sku in "ABCD"] == [1_200, 0, None, 12]
    Product.objects.filter(sku="D").update(stock=4)  # 17 days
    assert by_sku(sold_products(days(30), "eur").rows)["D"].low == ""


def test_every_number_of_the_page_leads_to_rows_that_add_up_to_it(reader: Client) -> None:
    shelf()
    html = reader.get(f"{ADDRESS}?from=2026-10-26&to=2026-11-24&currency=eur").content.decode()
    links = re.findall(r'<a class="rows" href="([^"]*)">([^<]*)</a>', html)
    assert len(links) == 5 * 4 + 3
    for url, text in links:
        shown = reader.get(unescape(url))
        assert shown.context["agrees"], url
        drilldown = shown.context["drilldown"]
        assert drilldown.kpi.number(shown.context["value"], "eur") == text, url
        assert f'href="{ADDRESS}?from=2026-10-26' in shown.content.decode()


@pytest.mark.parametrize("key", KEYS)
def test_the_rows_of_a_product_and_of_lines_of_none(key: str) -> None:
    goods = shelf()
    window = Window(date(2026, 11, 1), TODAY)
    names = [*(str(one.pk) for one in goods.values()), "none"]
    drilldowns = [of_product(DRILLDOWNS[key], name) for name in names]
    for one in (*drilldowns, DRILLDOWNS[key]):
        assert one
        sums = [total(part, window, "eur") for part in one.parts]
        assert one.figure(window, "eur") == one.value(sums, window)
    assert sum(one.figure(window, "eur") or 0 for one in drilldowns if one) == DRILLDOWNS[
        key
    ].figure(window, "eur")


@pytest.mark.parametrize("name", ["", "0", "-1", "1e3", "999999", "٣", "9" * 40, "none'", "\0"])
def test_what_is_no_product_has_no_rows(reader: Client, name: str) -> None:
    assert reader.get("/dashboard/rows/product_sales/", {"product": name}).status_code == 404
    known = product("A")
    asked = {"product": str(known.pk)}
    assert reader.get("/dashboard/rows/product_sales/", asked).status_code == 200
    assert reader.get("/dashboard/rows/net_sales/", asked).status_code == 404


def test_the_head_sorts_by_its_links_and_says_how_it_is_sorted(reader: Client) -> None:
    shelf()
    html = reader.get(f"{ADDRESS}?days=30&currency=eur&sort=units").content.decode()
    assert 'aria-sort="descending"><a href="/dashboard/products/?days=30&amp;currency=eur' in html
    heads = re.findall(r'<th scope="col"[^>]*><a href="([^"]*)"', html)
    assert len(heads) == len(SORTS)
    for url in heads:
        assert reader.get(unescape(url)).status_code == 200
    assert any("sort=-units" in url for url in heads)
    # What else one chooses keeps the order.
    assert "?days=7&amp;currency=eur&amp;sort=units" in html


def test_many_products_are_paged_and_cost_the_same(reader: Client, queries: Any) -> None:
    def cost(address: str = ADDRESS) -> int:
        with queries() as captured:
            assert reader.get(address).status_code == 200
        return len(captured)

    now, today = timezone.now(), day_of(timezone.now())
    bought(now, (product("A"), 1, 100))
    snapshots.build_all(now=now)
    few = cost()
    made = Product.objects.bulk_create(
        Product(sku=f"S{n}", name=f"S{n}", created_at=now) for n in range(2 * PAGE)
    )
    ProductDay.objects.bulk_create(
        ProductDay(
            day=today - n * DAY,
            currency="eur",
            product=one,
            orders=1,
            units=1,
            sales_minor=n + 1,
            built_at=now,
        )
        for one in made
        for n in range(20)
    )
    assert cost() == few <= 14
    seen: list[int] = []
    url = f"{ADDRESS}?days=30&currency=eur"
    while url:
        page = reader.get(url)
        seen += [line.sold.product_id for line in page.context["lines"]]
        assert page.context["total"].sold.now.units == 2_001
        url = page.context["later"]
    assert len(seen) == len(set(seen)) == 2 * PAGE + 1
    assert reader.get(f"{ADDRESS}?currency=eur&page=4").status_code == 404
    for senseless in ("0", "-1", "x", "9" * 30, "٣"):
        assert reader.get(ADDRESS, {"page": senseless}).status_code == 404


def test_nothing_is_compared_with_days_before_the_figures_begin(reader: Client) -> None:
    now = timezone.now()
    bought(now, (product("A"), 1, 100))
    snapshots.build_all(now=now)
    page = reader.get(ADDRESS)
    assert page.context["comparable"] == Comparable(before=False, year=False)
    assert "no whole earlier period to compare with" in page.content.decode()
    bought(now - 400 * DAY, (product("B"), 1, 100))
    snapshots.build_all(now=now)
    page = reader.get(ADDRESS)
    assert page.context["comparable"] == Comparable(before=True, year=True)
    assert "to compare with" not in page.content.decode()


def test_an_empty_shop_and_quiet_days_say_so(reader: Client) -> None:
    assert "No sales yet" in reader.get(ADDRESS).content.decode()
    bought(timezone.now() - 600 * DAY, (product("A"), 1, 100))
    snapshots.build_all()
    assert "Nothing was sold on these days" in reader.get(f"{ADDRESS}?days=7").content.decode()
    wrong = reader.get(f"{ADDRESS}?from=2026-02-30")
    assert wrong.status_code == 200
    assert "is no date" in wrong.content.decode()


def test_each_role_sees_the_page_or_is_told_why_not(client: Client) -> None:
    for role in ROLES:
        user = User.objects.create_user(role.name)
        user.groups.add(Group.objects.get(name=role.name))
        client.force_login(user)
        expected = 403 if role.name == "operator" else 200
        assert client.get(ADDRESS).status_code == expected, role.name
    client.logout()
    assert client.get(ADDRESS).status_code == 302
