"""What comes late comes to the same: each case by name, through the webhook itself.

Any order of a whole day, with duplicates and several workers, is in ``test_order_independence``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from config.tests.test_order_independence import Observation, Payload, finish, read, told
from orders.models import Order, Product
from orders.services.creation import NewLine, NewOrder, create_order
from payments import inbox
from payments.ledger import settlement_of
from payments.models import Dispute, Source
from payments.processing import drain
from payments.tests import stripe_events as make
from payments.tests.stripe_events import NOW, body
from payments.tests.test_webhook import SECRET, post

pytestmark = pytest.mark.django_db

Step = Observation | Callable[[], object]
PAYMENT = {"payment_intent": "pi_a"}
PLACED = datetime.fromtimestamp(NOW - 600, UTC)


def shop_makes_its_order() -> None:
    create_order(
        NewOrder("A-1", "eur", 5000, lines=[NewLine("Tea", 2, 5000, "tea")], placed_at=PLACED),
        source=Order.Source.SHOP,
        reason="from the shop",
    )


def intent(**metadata: str) -> Step:
    return told(
        "payment_intent.succeeded",
        make.payment_intent("pi_a", latest_charge="ch_a", metadata=metadata),
    )


def charge() -> Step:
    return told("charge.succeeded", make.charge("ch_a", balance_transaction="txn_c", **PAYMENT))


def refund(at: int = 60) -> Step:
    made = make.refund("re_a", charge="ch_a", amount=5000, created=NOW + at, **PAYMENT)
    return told("refund.created", {**made, "balance_transaction": "txn_r"}, at)


def refunded(at: int = 60) -> Step:
    return told(
        "charge.refunded",
        make.charge(
            "ch_a", amount_refunded=5000, refunded=True, balance_transaction="txn_c", **PAYMENT
        ),
        at,
        previous={"amount_refunded": 0, "refunded": False},
    )


def session() -> Step:
    return told("checkout.session.completed", make.checkout_session("cs_a", **PAYMENT), 1)


def session_with_its_lines() -> Step:
    lines = make.line_items(("tea", 2, 5000))
    return read(make.checkout_session("cs_a", line_items=lines, **PAYMENT), 2)


def transaction_of(key: str, source: str, net: int, at: int, category: str) -> Payload:
    return make.balance_transaction(
        key,
        source=source,
        amount=net,
        fee=0,
        net=net,
        created=NOW + at,
        type="adjustment",
        reporting_category=category,
    )


WITHDRAWN = transaction_of("txn_w", "dp_a", -5000, 90, "dispute")
REINSTATED = transaction_of("txn_b", "dp_a", 5000, 900, "dispute_reversal")


def dispute(type_: str, status: str, at: int, *moved: Payload, **more: Any) -> Step:
    made = make.dispute(
        "dp_a", charge="ch_a", status=status, balance_transactions=list(moved), **PAYMENT
    )
    return told(f"charge.dispute.{type_}", made, at, **more)


def disputed() -> list[Step]:
    return [
        dispute("created", "needs_response", 90),
        dispute("funds_withdrawn", "needs_response", 90, WITHDRAWN),
        dispute("closed", "won", 900, WITHDRAWN, previous={"status": "needs_response"}),
        dispute("funds_reinstated", "won", 900, WITHDRAWN, REINSTATED),
        read(WITHDRAWN, 100),
        read(REINSTATED, 1000),
    ]


@dataclass(frozen=True)
class Case:
    """``steps`` as they happened, and in ``late`` the places in which they come instead."""

    steps: Sequence[Step]
    late: Sequence[int]
    ends: tuple[str, str, bool]  # the order's status, refund status, oversold
    stock: int


NAMED = {"order": "A-1"}
CASES = {
    "a refund before its charge": Case(
        [shop_makes_its_order, intent(**NAMED), charge(), refund(), refunded()],
        [0, 3, 4, 1, 2],
        ("canceled", "full", False),
        10,
    ),
    "a payment before its order": Case(
        [shop_makes_its_order, intent(**NAMED), charge()],
        [1, 2, 0],
        ("paid", "none", False),
        8,
    ),
    "a payment and its refund before their order": Case(
        [shop_makes_its_order, intent(**NAMED), charge(), refund(), refunded()],
        [3, 1, 4, 2, 0],
        ("canceled", "full", False),
        10,
    ),
    "a dispute before its payment": Case(
        [shop_makes_its_order, intent(**NAMED), charge(), *disputed()],
        [0, 3, 4, 7, 5, 6, 8, 1, 2],
        ("paid", "none", False),
        8,
    ),
    "a dispute's end before its beginning": Case(
        [shop_makes_its_order, intent(**NAMED), charge(), *disputed()],
        [0, 1, 2, 8, 6, 5, 7, 4, 3],
        ("paid", "none", False),
        8,
    ),
    "a session after its payment intent": Case(
        [session(), session_with_its_lines(), intent(), charge()],
        [2, 3, 0, 1],
        ("paid", "none", False),
        8,
    ),
    "a session after its payment was refunded": Case(
        [session(), session_with_its_lines(), intent(), charge(), refund(), refunded()],
        [2, 3, 4, 5, 0, 1],
        ("canceled", "full", False),
        10,
    ),
}


def deliver(step: Step) -> None:
    """One step as it comes: an event by webhook, an answer of the API, an order of the shop's."""
    if callable(step):
        step()
        return
    payload, source = step
    if source == Source.WEBHOOK:
        assert post(body(payload)).status_code == 200
    else:
        inbox.store([payload], source)
    drain()


def end_of(steps: Sequence[Step]) -> dict[str, Any]:
    """What the database holds after these steps; it is as before afterwards."""
    with transaction.atomic():
        Product.objects.create(
            sku="tea", stripe_product_id="tea", name="Tea", stock=10, created_at=PLACED
        )
        for step in steps:
            deliver(step)
        end = finish()
        end["ends"] = Order.objects.values_list("status", "refund_status", "oversold").get()
        end["disputes"] = list(Dispute.objects.values_list("status", "balance_transactions"))
        settled = settlement_of(["pi_a"])["pi_a"]
        end["settled"] = settled.known, sorted(settled.missing)
        transaction.set_rollback(True)
    return end


@pytest.fixture(autouse=True)
def _secret(settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


@pytest.mark.parametrize("name", CASES)
def test_what_comes_late_ends_as_if_it_had_come_in_time(name: str) -> None:
    case = CASES[name]
    assert sorted(case.late) == list(range(len(case.steps)))
    expected = end_of(case.steps)
    assert expected["ends"] == case.ends
    assert expected["stock"] == [("tea", case.stock)]
    if any(row[0] for row in expected["disputes"]):
        assert expected["disputes"] == [("won", ["txn_b", "txn_w"])]
    for late in ([case.steps[place] for place in case.late], case.steps[::-1]):
        found = end_of(late)
        for key, value in expected.items():
            assert found[key] == value, key
