"""The pages of the reconciliation: who sees what, what they say, and what they cost."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from auditlog.models import AuditEvent
from governance.roles import ROLES
from monitoring.tests.ledgers import at, charge, moved, order, two_days

pytestmark = pytest.mark.django_db

PAGE = "/dashboard/reconciliation/"
ROWS = f"{PAGE}rows/"
EXPORT = f"{PAGE}export/"
TWO_DAYS = "?from=2026-03-03&to=2026-03-04"
FEES = f"{TWO_DAYS}&currency=eur&step=settlement&residual=fees"

As = Callable[[str], Client]


@pytest.fixture
def signed_in() -> As:
    """A browser of somebody in a role."""

    def sign(role: str) -> Client:
        user = User.objects.create_user(f"{role}-1", is_staff=role == "finance")
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return sign


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_each_role_sees_the_page_its_rows_and_the_download_or_is_told_why_not(
    signed_in: As,
) -> None:
    two_days()
    page = {"executive", "analyst", "finance", "auditor", "administrator"}
    rows = {"finance", "auditor", "administrator"}
    for role in ROLES:
        client = signed_in(role.name)
        for method, address, allowed in (
            ("get", PAGE + TWO_DAYS, page),
            ("get", ROWS + FEES, rows),
            ("post", EXPORT + TWO_DAYS, rows),
        ):
            response = getattr(client, method)(address)
            b"".join(response)  # a download is over when it was read
            expected = 200 if role.name in allowed else 403
            assert response.status_code == expected, (role.name, address)
        told = client.get(PAGE + TWO_DAYS).content.decode()
        assert ("residual=fees" in told) == (role.name in rows), role.name
        assert ("Download" in told) == (role.name in rows), role.name
    assert AuditEvent.objects.filter(action="reconciliation.exported").count() == len(rows)


def test_nobody_is_sent_to_sign_in(client: Client) -> None:
    for address in (PAGE, ROWS + FEES):
        response = client.get(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=/dashboard/recon")
    assert client.post(EXPORT + TWO_DAYS).status_code == 302


def test_the_pages_only_read_and_the_download_is_asked_for_by_post(signed_in: As) -> None:
    finance = signed_in("finance")
    assert finance.post(PAGE).status_code == 405
    assert finance.post(ROWS + FEES).status_code == 405
    assert finance.get(EXPORT + TWO_DAYS).status_code == 405


def test_the_statement_and_the_days(signed_in: As) -> None:
    two_days()
    page = words(signed_in("finance").get(f"{PAGE}{TWO_DAYS}&currency=eur").content.decode())
    assert "3 Mar 2026 – 4 Mar 2026" in page
    assert "Orders 295.00" in page
    assert "Payments without an order look +40.00 1" in page
    assert "Charges less refunds 265.00 captured, 30.00 refunded 235.00" in page
    assert "Unknown reporting categories look −7.00 1" in page
    assert "Settled on another day 0.00 2" in page
    assert "Stripe balance −203.75" in page
    assert "Tue 3 Mar 2026 295.00 −60.00 235.00 −486.75 −251.75 9" in page
    assert "Wed 4 Mar 2026 0.00 0.00 0.00 +48.00 48.00 –" in page


def test_every_residual_of_the_page_leads_to_rows_that_add_up_to_it(signed_in: As) -> None:
    two_days()
    client = signed_in("finance")
    for currency in ("eur", "usd"):
        page = client.get(f"{PAGE}{TWO_DAYS}&currency={currency}").content.decode()
        table = re.search(r"<table class=\"figures bridge\">.*?</table>", page, re.S)
        assert table
        lines = re.findall(r'<a href="([^"]*/rows/[^"]*)">.*?<td[^>]*>([^<]*)</td>', table[0], re.S)
        assert len(lines) > (15 if currency == "eur" else 0)
        for url, amount in lines:
            rows = client.get(unescape(url)).content.decode()
            foot = re.search(r"<tfoot>.*?<td[^>]*>([^<]*)</td>", rows, re.S)
            body = re.search(r"<tbody>(.*?)</tbody>", rows, re.S)
            assert foot
            assert body
            if "snapshot" not in url:
                assert foot[1] == amount, url
            cells = re.findall(r"</th><td[^>]*>([^<]*)</td>", body[1])
            assert sum(map(minor, cells)) == minor(foot[1]), url


def minor(text: str) -> int:
    return int(re.sub(r"[+,.]", "", text).replace("−", "-"))


def test_rows_link_to_the_admin_for_those_who_work_there(signed_in: As) -> None:
    two_days()
    finance, administrator = signed_in("finance"), signed_in("administrator")
    address = f"{TWO_DAYS}&currency=eur&step=orders&residual=orders_without_payment"
    page = finance.get(ROWS + address).content.decode()
    assert re.search(r'<a href="/admin/orders/order/\d+/change/">A-6</a>', page)
    assert "/admin/" not in administrator.get(ROWS + address).content.decode().split("<main")[1]
    fees = finance.get(ROWS + FEES).content.decode()
    assert '<a href="/admin/payments/balancetransaction/txn_5Fplain/change/">txn_plain</a>' in fees


def test_rows_are_paginated_and_the_sum_is_of_all_of_them(signed_in: As) -> None:
    for n in range(120):
        moved(f"{n:03}", -100, at(3, n % 24, n // 24), "payout")
    finance = signed_in("finance")
    address = f"{ROWS}{TWO_DAYS}&currency=eur&step=settlement&residual=payouts"
    seen: list[str] = []
    for page, shown in ((1, "1–50"), (2, "51–100"), (3, "101–120")):
        html = finance.get(f"{address}&page={page}").content.decode()
        assert f"Rows {shown} of 120" in html
        assert "−120.00" in html
        assert ('rel="prev"' in html, 'rel="next"' in html) == (page > 1, page < 3)
        seen += re.findall(r">(txn_\d+)<", html)
    assert len(set(seen)) == len(seen) == 120
    assert finance.get(f"{address}&page=4").status_code == 404


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=2026-03-05&to=2026-03-03", "the first day comes first"),
        ("from=2026-02-30&to=2026-03-03", "is no date"),
        ("from=2026-01-01&to=2026-03-03", "more than 31 days"),
        ("from=2026-03-03&to=9999-12-31", "begun yet"),
        ("tz=Mars/Olympus", "is no time zone"),
        ("from=%00&to=%00&currency=%00", "is no date"),
        ("from=<script>", "is no date"),
    ],
)
def test_a_period_that_can_not_be_shown_is_told_with_the_default_below(
    signed_in: As, query: str, words: str
) -> None:
    response = signed_in("finance").get(f"{PAGE}?{query}")
    page = response.content.decode()
    assert response.status_code == 200
    assert words in unescape(page)
    assert "<script>" not in page
    assert len(response.context["period"].days) == 7
    assert response.context["period"].zone.key == "UTC"


def test_one_date_is_a_day(signed_in: As) -> None:
    response = signed_in("finance").get(f"{PAGE}?from=2026-03-03")
    assert [str(day) for day in response.context["period"].days] == ["2026-03-03"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"{TWO_DAYS}&currency=eur&step=settlement&residual=refunds",
        f"{TWO_DAYS}&currency=eur&step=moon&residual=fees",
        f"{TWO_DAYS}&currency=eur&residual=fees",
        f"{FEES}&currency=%00",
        f"{FEES}&currency=' OR 1=1",
        f"{FEES}&currency=",
        f"{FEES}&page=x",
        f"{FEES}&page=-1",
        f"{FEES}&page=9999999999",
        f"{FEES}&page=２",
        "?from=2020-01-01&to=2026-01-01&currency=eur&step=settlement&residual=fees",
    ],
)
def test_rows_of_nothing_that_there_is_are_not_found(signed_in: As, query: str) -> None:
    assert signed_in("finance").get(ROWS + query).status_code == 404


def test_a_residual_that_is_gone_says_so(signed_in: As) -> None:
    page = signed_in("finance").get(ROWS + FEES)
    assert page.status_code == 200
    assert "No rows" in page.content.decode()


def test_a_day_on_which_nothing_moved_says_what_to_do(signed_in: As) -> None:
    page = signed_in("finance").get(PAGE).content.decode()
    assert "Nothing moved on these days" in page
    assert "sync_stripe" in page
    assert "<table" not in page
    assert "Download" not in page


def test_a_zone_of_other_days_leaves_the_snapshots_out(signed_in: As, settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "Europe/Berlin"
    two_days()
    client = signed_in("finance")
    page = unescape(client.get(PAGE + TWO_DAYS).content.decode())
    assert (
        "Snapshots are of days in Europe/Berlin, so they can’t be compared with days in UTC" in page
    )
    assert "not compared" in page
    assert 'tz=Europe%2FBerlin">Europe/Berlin</a>' in page.replace("&currency=eur&", "&")
    same = unescape(client.get(f"{PAGE}{TWO_DAYS}&tz=Europe/Berlin").content.decode())
    assert "not compared" not in same
    assert "Day to be counted anew" in same


def test_the_download_is_what_the_page_shows_and_leaves_a_trace(signed_in: As) -> None:
    two_days()
    response = signed_in("finance").post(EXPORT + TWO_DAYS)
    assert response["Content-Disposition"].startswith('attachment; filename="reconciliation-2')
    whole = b"".join(response)
    rows = list(csv.DictReader(io.StringIO(whole.decode())))
    fees = [row for row in rows if row["line"] == "fees"]
    assert [(row["day"], row["amount_minor"], row["amount"], row["rows"]) for row in fees] == [
        ("2026-03-03", "-2475", "-24.75", "6"),
        ("2026-03-04", "-200", "-2.00", "1"),
    ]
    trace = AuditEvent.objects.get(action="reconciliation.exported")
    assert trace.actor_name == "finance-1"
    assert trace.after == {
        "from": "2026-03-03",
        "to": "2026-03-04",
        "time_zone": "UTC",
        "outcome": "complete",
        "rows": len(rows),
        "bytes": len(whole),
        "sha256": hashlib.sha256(whole).hexdigest(),
    }


def test_amounts_have_the_decimals_of_their_currency(signed_in: As) -> None:
    for currency, amount in (("jpy", 1_234), ("kwd", 1_230)):
        charge(currency, amount, at(3), currency=currency, balance_transaction_id=None)
    client = signed_in("finance")
    assert "+1,234<" in client.get(f"{PAGE}{TWO_DAYS}&currency=jpy").content.decode()
    assert "+1.230<" in client.get(f"{PAGE}{TWO_DAYS}&currency=kwd").content.decode()
    whole = b"".join(client.post(EXPORT + TWO_DAYS)).decode()
    assert ",1234,1234,1,yes" in whole
    assert ",1230,1.230,1,yes" in whole


def test_the_pages_cost_the_same_however_much_there_is(signed_in: As, queries: Any) -> None:
    finance = signed_in("finance")
    charge("first", 100, at(3))
    moved("first", 100, at(3), fee=3)

    def cost(address: str) -> int:
        with queries() as captured:
            assert finance.get(address).status_code == 200
        return len(captured)

    few = [cost(address) for address in (PAGE + TWO_DAYS, ROWS + FEES)]
    for n in range(60):
        charge(f"{n}", 100, at(3 + n % 2))
        moved(f"{n}", 100, at(3 + n % 2), fee=3)
        order(f"B-{n}", 100, at(3 + n % 2), f"{n}")
    assert [cost(address) for address in (PAGE + TWO_DAYS, ROWS + FEES)] == few
    assert max(few) <= 9


def test_nothing_is_inline_and_the_menu_names_the_page(signed_in: As) -> None:
    charge("1", 100, timezone.now() - timedelta(hours=1))
    response = signed_in("finance").get(PAGE)
    page = response.content.decode()
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=|\snonce=", page)
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert f'<a href="{PAGE}" aria-current="page">Reconciliation</a>' in page
