"""The disputes' pages in a real browser: nothing is cut off, on a desk or on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from config.tests.browser import keep_screenshot, wider_than_its_window
from config.tests.rows import build
from orders.models import Order, OrderPayment
from payments.models import BalanceTransaction, Dispute

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DAY = timedelta(days=1)
CUT_OFF = (
    "() => { const t = document.querySelector('#result_list');"
    " return t.scrollWidth - t.parentElement.clientWidth }"
)


@pytest.fixture
def disputes() -> None:
    """Three that need an answer, one of them overdue, and one that was won."""
    now = timezone.now()
    order = build(Order, number="A-1001")
    build(OrderPayment, order=order, payment="pi_3OyVqF2eZvKYlo2C0aKcM0t1")
    for number, status, due in (
        (1, "needs_response", 9),
        (2, "warning_needs_response", 1),
        (3, "appeal_needs_response", -2),
        (4, "won", -9),
    ):
        build(
            Dispute,
            id=f"dp_1OyVqF2eZvKYlo2C0aKcM0t{number}",
            amount=123_456_700,
            currency="jpy",
            status=status,
            reason="product_not_received",
            charge_id=f"ch_3OyVqF2eZvKYlo2C0aKcM0t{number}",
            payment_intent_id=f"pi_3OyVqF2eZvKYlo2C0aKcM0t{number}",
            due_by=now + due * DAY,
            created=now - 20 * DAY,
            balance_transactions=["txn_1withdrawn", "txn_1reinstated"] if number == 4 else [],
        )
    for key, sign, category, days in (
        ("txn_1withdrawn", -1, "dispute", 20),
        ("txn_1reinstated", 1, "dispute_reversal", 2),
    ):
        build(
            BalanceTransaction,
            id=key,
            source="dp_1OyVqF2eZvKYlo2C0aKcM0t4",
            amount=sign * 76_543_210,
            fee=-sign * 2_000,
            net=sign * 76_543_210 + sign * 2_000,
            currency="eur",
            reporting_category=category,
            created=now - days * DAY,
        )


@pytest.mark.parametrize("dark", [False, True])
def test_the_list_and_page_of_disputes_fit(
    live_server: Any,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    operator: User,
    disputes: None,
    dark: bool,
) -> None:
    url = str(live_server.url)
    for name, size in (("desk", (1440, 900)), ("phone", (390, 844))):
        page = open_page(width=size[0], height=size[1], dark=dark)
        sign_in(page, url, operator.username)
        page.goto(f"{url}{reverse('admin:payments_dispute_changelist')}?answer=needed")
        assert page.locator("#result_list tbody tr").count() == 3
        keep_screenshot(page, f"disputes-{name}{'-dark' * dark}")
        if name == "desk":
            assert page.evaluate(CUT_OFF) <= 0
        assert wider_than_its_window(page) <= 0
        won = reverse("admin:payments_dispute_change", args=["dp_5F1OyVqF2eZvKYlo2C0aKcM0t4"])
        page.goto(f"{url}{won}")
        keep_screenshot(page, f"dispute-{name}{'-dark' * dark}")
        assert wider_than_its_window(page) <= 0
