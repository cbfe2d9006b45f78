"""The page of the money: for whom, what it shows, how much it costs, and what leaves it."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from analyticsapp.days import DAY, day_of
from analyticsapp.models import BridgeDay
from analyticsapp.services import snapshots
from analyticsapp.tests.shop import charge, put
from analyticsapp.tests.trade import LAST, Trade
from auditlog.models import AuditEvent
from governance.roles import ROLES
from payments.models import BalanceTransaction, Charge, Dispute

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/money/"
ROWS = "/dashboard/money/rows/"


@pytest.fixture
def reader(executive: User, client: Client) -> Client:
    client.force_login(executive)
    return client


@pytest.fixture
def finance(client: Client, db: None) -> Client:
    user = User.objects.create_user("fin", password="a-long-test-password")
    user.groups.add(Group.objects.get(name="finance"))
    client.force_login(user)
    return client


def book(key: str, amount: int, currency: str, when: Any, category: str = "charge") -> None:
    put(
        BalanceTransaction,
        f"txn_{key}",
        amount=amount,
        fee=30,
        net=amount - 30,
        fee_details=[{"type": "stripe_fee", "amount": 30}],
        currency=currency,
        type=category,
        reporting_category=category,
        source=f"ch_{key}",
        status="available",
        available_on=when,
        created=when,
    )


@pytest.fixture
def settled() -> None:
    """A sale in euros, one in yen that settles in euros, and a payout."""
    now = timezone.now()
    for n, (currency, amount) in enumerate((("eur", 5_000), ("jpy", 9_000))):
        charge(
            amount,
            now - n * DAY,
            currency=currency,
            id=f"ch_{n}",
            balance_transaction_id=f"txn_{n}",
        )
    book("0", 5_000, "eur", now)
    book("1", 5_400, "eur", now - DAY)
    book("p", -2_000, "eur", now, "payout")
    snapshots.refresh(now)


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def test_the_bridge_has_a_column_for_each_currency(reader: Client, settled: None) -> None:
    page = text(reader, PAGE)
    table = page[page.index("From net sales to payouts") : page.index("By Stripe’s")]
    for line in (
        "Line EUR JPY",
        "Gross captured +50.00 from 1 row +9,000 from 1 row",
        "Net sales 50.00 9,000",
        "Exchanged JPY → EUR +54.00 from 1 row −9,000 from 1 row",
        "Sales as settled 104.00 0",
        "Stripe’s fees −0.90 from 3 rows · none",
        "Settled net 103.10 0",
        "Payouts −20.00 from 1 row · none",
        "Change of the balance 83.10 0",
    ):
        assert line in table, line
    assert "Line JPY EUR" in text(reader, f"{PAGE}?currency=jpy")


def test_each_line_leads_to_what_it_means(reader: Client, settled: None) -> None:
    page = reader.get(PAGE)
    body = page.content.decode()
    table = body[body.index("bridge-caption") : body.index("What the lines mean")]
    anchors = re.findall(r'<th scope="row"><a href="#([^"]*)">', table)
    assert len(anchors) == len(page.context["entries"]) == 8
    assert set(anchors) <= set(re.findall(r'id="([^"]+)"', body))


def test_each_amount_leads_to_its_rows_whose_sum_it_is(reader: Client, settled: None) -> None:
    for status in ("needs_response", "warning_closed"):
        opened = {"status": status, "currency": "eur", "amount": 500, "created": timezone.now()}
        put(Dispute, f"dp_{status}", charge_id="ch_0", **opened)
    snapshots.refresh()
    body = reader.get(f"{PAGE}?days=7&currency=eur").content.decode()
    links = [one.replace("&amp;", "&") for one in re.findall(r'href="([^"]*/rows/[^"]+)"', body)]
    assert len(links) > 100
    of_one = (
        "category=payout",
        "fee=stripe_fee",
        "status=needs_response",
        "status=warning",
        "dispute_rate/",
    )
    assert all(any(name in link for link in links) for name in of_one)
    for link in links:
        assert "✓" in text(reader, link), link
    exchanged = f"{ROWS}?days=7&currency=eur&line=exchanged_in&counterpart=jpy"
    assert exchanged in links
    rows = text(reader, exchanged)
    assert "54.00 EUR 1 row" in rows
    assert "txn_1 balance transaction ch_1" in rows


def test_a_line_that_is_behind_its_rows_says_so(reader: Client, settled: None) -> None:
    put(Charge, "ch_0", amount_captured=4_000)
    rows = f"{ROWS}?days=7&line=captured&currency=eur"
    assert "The bridge shows 50.00." in text(reader, rows)
    assert "being counted anew" in text(reader, rows)
    snapshots.refresh()
    BridgeDay.objects.filter(line="captured").update(amount_minor=1)
    assert "a check reports that" in text(reader, rows)


def test_what_leaves_one_day_and_comes_in_on_another_of_the_period_is_neither(
    reader: Client,
) -> None:
    today = timezone.now()
    charge(100, today - 2 * DAY, id="ch_1", balance_transaction_id="txn_1")
    book("1", 100, "eur", today)
    snapshots.refresh()
    first, last = (today - 2 * DAY).date(), (today - DAY).date()
    for line in ("sales_out", "sales_in"):
        assert "0.00 EUR 0 rows" in text(reader, f"{ROWS}?days=7&line={line}&currency=eur")
    assert "on another day" not in text(reader, f"{PAGE}?days=7")
    query = f"from={first}&to={last}"
    assert "Captured, in the balance on another day −1.00" in text(reader, f"{PAGE}?{query}")
    rows = text(reader, f"{ROWS}?{query}&line=sales_out&currency=eur")
    assert "✓" in rows
    assert f"ch_1 charge txn_1 · {today.date()}" in rows


def test_rows_come_a_page_at_a_time(reader: Client) -> None:
    now = timezone.now()
    for n in range(55):
        charge(100 + n, now - timedelta(minutes=n), id=f"ch_{n:02}")
    snapshots.refresh()
    first = reader.get(f"{ROWS}?days=7&line=captured&currency=eur")
    assert (first.context["sum"].rows, len(first.context["rows"])) == (55, 50)
    second = reader.get(first.context["older"])
    assert [row.object_id for row, _ in second.context["rows"]] == [
        f"ch_{n}" for n in range(50, 55)
    ]
    again = reader.get(second.context["newer"])
    assert [row.key for row, _ in again.context["rows"]] == [
        row.key for row, _ in first.context["rows"]
    ]


@pytest.mark.parametrize(
    "query",
    [
        "line=nonsense&currency=eur",
        "line=&currency=eur",
        "line=captured&currency=€",
        "line=captured&currency=eur&counterpart=x",
        f"line=category:{'x' * 80}&currency=eur",
        "line=captured&currency=eur&from=2026-13-01",
        "line=captured&currency=eur&from=2026-01-01&to=2026-06-30&part=2026-07",
        "line=captured&currency=eur&days=7&part=2026-11",
        "line=captured&currency=eur&older=nowhere",
    ],
)
def test_there_are_no_rows_of_what_there_is_not(reader: Client, query: str) -> None:
    assert reader.get(f"{ROWS}?{query}").status_code == 404


def test_a_long_period_is_shown_by_month_and_so_are_the_rows_of_its_bridge(
    reader: Client,
) -> None:
    Trade(seed=11).save()
    snapshots.build_all(now=LAST)
    query = "?from=2026-07-01&to=2026-11-10&currency=eur"
    page = reader.get(PAGE + query)
    assert not page.context["by_day"]
    lines = [
        (shown.entry, shown.cells[0])
        for shown in page.context["entries"]
        if shown.entry.line and shown.cells[0]
    ]
    assert len(lines) > 12
    for entry, cell in lines[::4]:
        shown = reader.get(cell.url)
        months = shown.context["months"]
        amount = entry.amounts["eur"]
        assert sum(month.value for month in months) == amount == shown.context["figure"], cell.url
        assert "The months add up to the line" in shown.content.decode()
        for month in months[1:2]:  # the others go the same way
            rows = reader.get(month.url)
            assert rows.context["agrees"], month.url
            assert rows.context["sum"].amount == month.value
            assert rows.context["all_months"] == cell.url
    # What only goes from one month into another of these is on no line of theirs.
    timing = f"{ROWS}{query}&line=sales_out"
    assert reader.get(timing).context["figure"] == 0
    alone = reader.get(f"{ROWS}?month=2026-09&currency=eur&line=sales_out").context["sum"]
    assert alone.amount < 0
    assert reader.get(f"{timing}&part=2026-09").context["sum"].rows == 0


def test_a_day_without_figures_and_an_account_without_any_say_what_to_do(reader: Client) -> None:
    assert "No money has moved yet" in text(reader, PAGE)
    book("0", 100, "eur", timezone.now() - 40 * DAY)
    snapshots.refresh()
    page = text(reader, f"{PAGE}?days=7")
    assert "Nothing moved on these days" in page
    assert "manage.py sync_stripe" not in page


def test_a_bad_period_is_said_and_thirty_days_are_shown(reader: Client, settled: None) -> None:
    page = text(reader, f"{PAGE}?from=nonsense")
    assert "'nonsense' is no date" in page
    assert "From net sales to payouts" in page


def test_an_unknown_category_is_shown_by_its_name_and_marked(reader: Client, settled: None) -> None:
    book("m", 700, "eur", timezone.now(), "moon_tax")
    snapshots.refresh()
    page = text(reader, PAGE)
    assert "Moon tax look +7.00" in page
    assert "Moon tax unknown category 1 7.00 0.30 6.70" in page


def test_the_period_before_is_compared_once_there_is_one(reader: Client, settled: None) -> None:
    assert "no earlier period" in text(reader, f"{PAGE}?days=7")
    book("b", 2_500, "eur", timezone.now() - 20 * DAY)
    book("c", 2_000, "eur", timezone.now() - 8 * DAY)
    snapshots.refresh()
    page = text(reader, f"{PAGE}?days=7&currency=eur")
    assert "Charges settled 104.00 EUR ▲ up, better: 420.0% on 20.00 before" in page
    body = reader.get(f"{PAGE}?days=7&currency=eur").content.decode()
    before = f"from={day_of(timezone.now()) - 13 * DAY}&amp;to={day_of(timezone.now()) - 7 * DAY}"
    (link,) = re.findall(rf'href="(/dashboard/rows/balance_change/[^"]*{before}[^"]*)"', body)
    assert "19.70 EUR 1 row ✓" in text(reader, unescape(link))


def test_a_currency_that_only_disputes_are_in_has_a_column_of_choices(
    reader: Client, settled: None
) -> None:
    put(
        Dispute,
        "dp_1",
        amount=500,
        currency="gbp",
        charge_id="ch_0",
        status="needs_response",
        reason="fraudulent",
        created=timezone.now(),
    )
    snapshots.refresh()
    assert "Needs response 1 5.00" in text(reader, f"{PAGE}?days=7&currency=gbp")


def test_a_long_period_is_shown_by_month_each_with_the_days_that_it_covers(
    reader: Client, settled: None
) -> None:
    today = day_of(timezone.now())
    book("b", 2_500, "eur", timezone.now() - 120 * DAY)
    snapshots.refresh()
    first = today - 119 * DAY
    page = f"{PAGE}?from={first - DAY}&to={today}&currency=eur"
    months = reader.get(page).context["days"]
    assert [month.part for month in months[:1]] == ["so far"]
    assert f"from={first - DAY}&" in months[-1].url
    sums = [reader.get(f"{PAGE}{month.url}").context["total"] for month in months]
    assert sums == [month.cells for month in months]


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_who_may_see_it(client: Client, settled: None, role: str) -> None:
    may = next(one for one in ROLES if one.name == role)
    user = User.objects.create_user("someone", password="a-long-test-password")
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    sees = may.may("analyticsapp.view_daysnapshot")
    takes = sees and may.may("analyticsapp.export_finance")
    assert client.get(PAGE).status_code == (200 if sees else 403)
    assert client.get(f"{ROWS}?line=captured&currency=eur").status_code == (200 if sees else 403)
    taken = client.post(f"{PAGE}export/")
    assert taken.status_code == (200 if takes else 403)
    b"".join(taken)  # a download that nobody reads ends when it is forgotten
    if sees:
        assert (b"Download the bridge" in client.get(PAGE).content) == takes
    assert AuditEvent.objects.filter(action="bridge.exported").exists() == takes


def test_the_bridge_is_taken_as_csv_and_that_is_audited(finance: Client, settled: None) -> None:
    assert finance.get(f"{PAGE}export/?days=7").status_code == 405
    assert finance.post(f"{PAGE}export/?days=8").status_code == 404
    response = finance.post(f"{PAGE}export/?days=7")
    body = b"".join(response).decode()
    rows = {(row["currency"], row["key"]): row for row in csv.DictReader(StringIO(body))}
    assert rows["eur", "settled_net"]["amount"] == "103.10"
    assert rows["eur", "exchanged_in"]["counterpart"] == "jpy"
    assert rows["jpy", "sales_settled"]["amount_minor"] == "0"
    audit = AuditEvent.objects.get(action="bridge.exported")
    assert (audit.actor_name, audit.after["outcome"]) == ("fin", "complete")
    assert audit.after["rows"] == len(body.splitlines()) - 1


@pytest.mark.parametrize("query", ["days=90", "from=2025-01-01&to=2026-01-31"])
def test_the_page_costs_as_many_statements_for_few_rows_as_for_many(
    reader: Client, settled: None, queries: Any, query: str
) -> None:
    def cost(url: str) -> int:
        with queries() as captured:
            assert reader.get(url).status_code == 200
        return len(captured)

    line = f"{ROWS}?days=90&line=captured&currency=eur"
    few = [cost(f"{PAGE}?{query}&currency=eur"), cost(line)]
    Trade(seed=5, charges=300, last=timezone.now()).save()
    snapshots.build_all()
    assert [cost(f"{PAGE}?{query}&currency=eur"), cost(line)] == few
    assert few[0] <= 16
    assert few[1] <= 11
