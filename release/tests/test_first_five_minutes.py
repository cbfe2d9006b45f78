"""The first five minutes after ``make demo``: each of its people signs in, and the walkthrough's
one anomaly is found, mended and proven. The data are what ``seed_demo`` makes; the browser, the
worker and the SDK are real, and Stripe is the stand-in."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, Max, Min, Sum
from django.utils import timezone
from pytest_django.fixtures import Settings

from analyticsapp.models import DaySnapshot, MrrMovement
from analyticsapp.services import snapshots
from auditlog.models import AuditEvent
from auditlog.sealing import seal as seal_audit
from config.tests.browser import follow, keep_screenshot
from governance.roles import ROLES
from monitoring.models import Issue, IssueTransition, Kind
from monitoring.registry import all_checks
from orders.models import Order, Product
from orders.states import OrderStatus
from payments.models import (
    BalanceReading,
    BalanceTransaction,
    Charge,
    Dispute,
    Payout,
    ReadRequest,
    Refund,
    RefundRequest,
    StripeEvent,
)
from release.demo.history import DAYS
from release.demo.people import ensure_people
from release.demo.seeding import seed
from release.demo.shop import ARTICLES, SETTLEMENT
from standin import StandIn

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WORD = "a-long-test-password"
LANDS = {
    "operator": "/admin/",
    "auditor": "/admin/",
    "administrator": "/admin/",
    "finance": "/dashboard/",
    "analyst": "/dashboard/",
    "executive": "/dashboard/",
}


@pytest.fixture
def stripe(settings: Settings, tmp_path: Path) -> Iterator[StandIn]:
    """The demo's past in the database, and the account that it came from, serving."""
    state = tmp_path / "standin.json"
    seed(state=state, orders=70, anomaly=True)
    ensure_people(WORD)
    with StandIn(state=state, settlement=SETTLEMENT) as serving:
        settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = serving.secret_key, serving.url
        yield serving


def checks() -> tuple[int, str]:
    """Exit code and words of ``run_checks --fail-on-issues``."""
    return command("run_checks", "--fail-on-issues")


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except SystemExit as exit:
        return int(exit.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_the_first_five_minutes(
    stripe: StandIn,
    live_server: Any,
    worker: Callable[..., Any],
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
) -> None:
    the_shop_is_whole()
    its_history_is_mended()
    url = str(live_server.url)
    pages = {}
    for role, place in LANDS.items():
        pages[role] = open_page()
        sign_in(pages[role], url, role, WORD)
        assert pages[role].url == f"{url}{place}", role
    assert set(LANDS) == {role.name for role in ROLES}
    the_operator_mends_the_anomaly(pages["operator"], worker)
    snapshots.refresh()  # as the worker does each minute
    the_executive_sees_full_tiles(pages["executive"])
    the_auditor_finds_both_acts(pages["auditor"], url)
    an_altered_row_is_named()


def the_shop_is_whole() -> None:
    now = timezone.now()
    assert not StripeEvent.objects.filter(status__in=["failed", "dead", "received"]).exists()
    assert not ReadRequest.objects.exists()
    counts = dict(Order.objects.values_list("status").annotate(Count("pk")))
    assert counts.keys() == {"pending", "paid", "fulfilled", "canceled"}
    assert counts["fulfilled"] > 50
    # The parcels of the last hours are still to be sent, and none was sent in the future.
    assert not Order.objects.filter(fulfilled_at__gt=now).exists()
    oldest = Order.objects.filter(status=OrderStatus.PAID).aggregate(at=Min("paid_at"))["at"]
    assert oldest > now - timedelta(hours=60)
    assert set(Order.objects.values_list("currency", flat=True)) == {"eur", "usd", "jpy"}
    assert {"partial", "full"} <= set(Order.objects.values_list("refund_status", flat=True))
    assert {"succeeded", "failed"} <= set(Refund.objects.values_list("status", flat=True))
    assert RefundRequest.objects.filter(status="made", asked_by__username="operator").exists()
    assert {"won", "lost"} <= set(Dispute.objects.values_list("status", flat=True))
    assert Payout.objects.filter(status="paid").exists()
    assert BalanceTransaction.objects.filter(payout__isnull=False).exists()
    counted = dict(Product.objects.exclude(stock=None).values_list("name", "stock"))
    assert len(counted) > 5
    assert counted.items() <= {(article.name, article.stock) for article in ARTICLES}
    assert MrrMovement.objects.filter(kind="new").exists()
    # What the page reads is what was captured, for more than a year.
    for currency in ("eur", "usd", "jpy"):
        captured = Charge.objects.filter(currency=currency, captured_at__isnull=False)
        shown = DaySnapshot.objects.filter(currency=currency)
        assert (
            shown.aggregate(sum=Sum("gross_minor"))["sum"]
            == captured.aggregate(sum=Sum("amount_captured"))["sum"]
        )
    first = DaySnapshot.objects.aggregate(day=Min("day"))["day"]
    assert (now.date() - first).days > DAYS - 60
    # All that moved adds up to what is in the balance, and no rule is broken, once all is old
    # enough to be looked at.
    assert BalanceReading.objects.order_by("-pk")[0].amounts["payments"].keys() == {"eur", "usd"}
    for check in all_checks():
        if check.kind == Kind.INTEGRITY:
            with transaction.atomic():
                assert list(check.find(now + timedelta(hours=1))) == [], check.name


def its_history_is_mended() -> None:
    """One issue is open, and of each kind that the past had the others are over."""
    [left] = Issue.objects.filter(status__in=Issue.NEEDS_SOMEONE)
    assert left.check_name == "amount_mismatch"
    resolved = set(Issue.objects.filter(status="resolved").values_list("check_name", flat=True))
    assert resolved >= {
        "amount_mismatch",
        "dispute_needs_answer",
        "events_undelivered",
        "payment_without_order",
        "pending_late",
        "refund_failed",
        "several_payments",
        "snapshot_mismatch",
    }
    set_aside = Issue.objects.filter(status__in=Issue.SET_ASIDE).values_list("status", flat=True)
    assert sorted(set_aside) == ["accepted", "muted"]
    # Found and mended when it was, not today.
    old = IssueTransition.objects.filter(to_status="resolved").aggregate(Min("at"), Max("at"))
    assert old["at__min"] < timezone.now() - timedelta(days=300)
    assert old["at__max"] < timezone.now() - timedelta(days=1)
    actors = set(AuditEvent.objects.values_list("actor_name", flat=True))
    assert actors >= {role.name for role in ROLES}
    code, words = command("verify_audit")
    assert code == 0, words


def the_operator_mends_the_anomaly(page: Page, worker: Callable[..., Any]) -> None:
    code, words = checks()
    assert code == 1, words
    queue = page.locator("main").inner_text()
    assert re.search(r"Issues\s+1\b", queue)
    follow(page.get_by_role("link", name="49.00 EUR captured"))
    shown = page.locator("main").inner_text()
    for amount in ("42.00 EUR", "49.00 EUR", "7.00 EUR"):
        assert amount in shown
    keep_screenshot(page, "minutes-issue-open")
    follow(page.get_by_role("link", name="Refund an amount…"))
    assert page.get_by_label("Amount").input_value() == "7.00"
    page.get_by_label("Reason:", exact=True).fill("the app took the old price")
    follow(page.get_by_role("button", name="Ask Stripe for the refund"))
    page.get_by_text("found it gone: the issue is resolved.").first.wait_for()
    keep_screenshot(page, "minutes-issue-resolved")
    follow(page.get_by_role("link", name="Issues", exact=True).first)
    page.get_by_text("Nothing needs someone.").wait_for()
    follow(page.get_by_role("button", name="Run the checks"))
    worker()
    page.get_by_role("cell", name="finished").first.wait_for()
    assert not Issue.objects.filter(status__in=Issue.NEEDS_SOMEONE).exists()
    code, words = checks()
    assert code == 0, words


def the_executive_sees_full_tiles(page: Page) -> None:
    page.reload()
    assert re.search(r"as of \d{4}-\d\d-\d\d \d\d:\d\d UTC", page.locator("main").inner_text())
    tiles = page.locator(".tile .figure a")
    shown = [text.split()[0] for text in tiles.all_inner_texts()]
    assert len(shown) == 5
    links = [tile.get_attribute("href") for tile in tiles.all()]
    keep_screenshot(page, "minutes-executive")
    for figure, link in zip(shown, links, strict=True):
        assert re.fullmatch(r"[\d,]+(\.\d+)?", figure)
        page.goto(f"{page.url.split('/dashboard/')[0]}{link}")
        said = page.locator(".sums").inner_text()
        assert f"Exactly the figure that the dashboard shows, {figure}." in said


def the_auditor_finds_both_acts(page: Page, url: str) -> None:
    for action in ("order.refund_asked", "monitoring.run_asked"):
        page.goto(f"{url}/admin/auditlog/auditevent/?action={action}")
        row = page.locator("#result_list tbody tr").first
        assert action in row.inner_text()
        assert "operator" in row.inner_text()
    keep_screenshot(page, "minutes-audit")


def an_altered_row_is_named() -> None:
    seal_audit()
    altered = AuditEvent.objects.filter(action="order.refund_asked").latest("pk")
    with connection.cursor() as cursor:
        cursor.execute(
            "BEGIN; SET LOCAL session_replication_role = replica;"
            f"UPDATE auditlog_auditevent SET reason = 'nothing' WHERE id = {altered.pk}; COMMIT"
        )
    code, words = command("verify_audit")
    assert code == 1
    assert re.search(rf"\b{altered.pk}\b", words), words
