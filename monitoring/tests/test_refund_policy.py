"""docs/refund_policy.md, row by row: each situation is built, and must end as its row says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from monitoring.models import Issue
from monitoring.registry import all_checks
from monitoring.services.runs import run_checks
from orders.models import Order, Product
from orders.services.creation import NewLine, NewOrder, create_order
from orders.services.handling import cancel_order, fulfil_order
from orders.services.refunding import Ask, Returned, record_asks
from orders.services.returning import restock_returned
from orders.tests.mirror import at, balance_transaction, charge, intent, put, refund
from payments.models import Charge, Dispute, Refund, RefundRequest
from payments.refund_requests import RefundImpossible, Wish

pytestmark = pytest.mark.django_db
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "refund_policy.md"
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|(?P<cells>.*)\|$", re.MULTILINE)

# What the policy speaks of. How long things have waited, and what Stripe's events look like, is
# another matter: the stories are of another year than the clock, and told by the test.
SPOKEN_OF = {
    "disputes",
    "late_payments",
    "order_payments",
    "payments_orders",
    "refund_outcomes",
    "refunded_orders",
    "refunds",
    "stock",
}


@dataclass(frozen=True)
class Expected:
    """A row of the document."""

    order: str
    refund: str
    stock: str
    issue: str


def rows() -> dict[str, Expected]:
    """The document's rows by the name of their situation."""
    found: dict[str, Expected] = {}
    for match in ROW.finditer(DOCUMENT.read_text()):
        _, *cells = (cell.strip() for cell in match["cells"].split("|"))
        assert match["name"] not in found
        found[match["name"]] = Expected(*cells)
    return found


@pytest.fixture(autouse=True)
def shop(db: None, settings: Settings) -> None:
    """There is a key, and there are three mugs."""
    settings.STRIPE_API_KEY = "sk_test_1"
    Product.objects.create(sku="MUG", name="Mug", stock=3, created_at=at(-100))


# The steps that situations are made of.


def ordered(total: int = 1000) -> Order:
    return create_order(
        NewOrder("A-1", "usd", total, lines=[NewLine("A mug", 1, total, "MUG")]),
        source=Order.Source.SHOP,
        reason="from the shop",
        now=at(-10),
    )


def pays(amount: int = 1000, n: int = 1, **values: Any) -> None:
    currency = values.get("currency", "usd")
    put(
        intent(f"pi_{n}", order="A-1", amount=amount, currency=currency),
        charge(
            f"ch_{n}",
            payment_intent_id=f"pi_{n}",
            **{
                "amount": amount,
                "captured_at": at(n),
                "balance_transaction_id": f"txn_{n}",
                **values,
            },
        ),
    )


def paid() -> Order:
    order = ordered()
    pays()
    return order


def sent() -> Order:
    order = paid()
    fulfil_order(order.pk, reason="sent", now=at(30))
    return order


def refunds(amount: int = 1000, key: str = "re_1", of: str = "ch_1", **values: Any) -> None:
    """Stripe tells of a refund, and of its charge, as it stands after it."""
    told = refund(key, amount=amount, charge_id=of, **values)
    if told.status in ("succeeded", "failed"):
        told.balance_transaction_id = f"txn_{key}"
    owner = Charge.objects.filter(pk=of).first()
    put(told)
    if owner:
        alive = Refund.objects.filter(charge=of).exclude(status__in=["failed", "canceled"])
        owner.amount_refunded = sum(alive.values_list("amount", flat=True))
        put(owner)


def asks(order: Order, amount: int = 1000, *returned: Returned) -> RefundRequest:
    [request] = record_asks(
        [Ask(order.pk, Wish(uuid4(), "ch_1", amount, note="asked for"), returned)]
    )
    return request


def settles(request: RefundRequest, status: str, **values: Any) -> None:
    next_at = timezone.now() if status in ("recorded", "unknown") else None
    RefundRequest.objects.filter(pk=request.pk).update(status=status, next_at=next_at, **values)


def makes(request: RefundRequest, **values: Any) -> None:
    """Stripe makes the refund that was asked for."""
    settles(request, "made", refund_id="re_1")
    refunds(request.amount, metadata={"refund_request": str(request.pk)}, **values)


def refused(order: Order, amount: int = 1000) -> None:
    with pytest.raises(RefundImpossible):
        asks(order, amount)


def disputes(status: str, **values: Any) -> None:
    put(
        Dispute(
            id="dp_1",
            amount=1000,
            currency="usd",
            status=status,
            charge_id="ch_1",
            livemode=False,
            as_of=at(50),
            **values,
        )
    )


# The situations.


def partial_refund() -> None:
    paid()
    refunds(400)


def full_refund() -> None:
    makes(asks(paid()))


def parts_that_add_up() -> None:
    paid()
    refunds(400)
    refunds(600, "re_2", succeeded_at=at(70))


def partial_refund_after_fulfilment() -> None:
    sent()
    refunds(400)


def full_refund_after_fulfilment() -> None:
    sent()
    refunds()


def line_refunded(restock: bool) -> Callable[[], None]:
    def build() -> None:
        order = sent()
        makes(asks(order, 1000, Returned(order.lines.get().pk, 1, restock)))

    return build


def goods_that_come_back_later() -> None:
    order = sent()
    refunds()
    line = order.lines.get()
    restock_returned(order.pk, {line.pk: 1}, seen={line.pk: 1}, reason="came by post")


def refund_unanswered() -> None:
    order = paid()
    now = timezone.now()
    RefundRequest.objects.create(
        charge_id="ch_1",
        amount=1000,
        currency="usd",
        asked_at=now - timedelta(hours=1),
        first_sent_at=now - timedelta(hours=1),
        status="unknown",
        next_at=now,
    )
    refused(order)


def refund_refused_by_stripe() -> None:
    settles(asks(paid()), "refused", error="insufficient balance")


def not_yet(status: str, **values: Any) -> Callable[[], None]:
    """A refund that Stripe made and that hasn't succeeded: nobody can ask for its money again."""

    def build() -> None:
        order = paid()
        refunds(status=status, **values)
        refused(order, 1)

    return build


def canceled_refund() -> None:
    paid()
    refunds(status="requires_action")
    refunds(status="canceled", failed_at=at(70))


def fails_at_once() -> None:
    paid()
    refunds(status="pending")
    refunds(status="failed", succeeded_at=None)


def partial_refund_fails() -> None:
    paid()
    refunds(400)
    refunds(400, status="failed")


def full_refund_fails() -> None:
    paid()
    refunds()
    refunds(status="failed")


def full_refund_fails_and_is_made_anew() -> None:
    full_refund_fails()
    refunds(key="re_2", created=at(130), succeeded_at=at(130))


def refund_fails_after_fulfilment() -> None:
    sent()
    refunds()
    refunds(status="failed")


def dashboard_refund() -> None:
    paid()
    refunds()


def refund_before_its_charge() -> None:
    ordered()
    refunds()
    pays(amount_refunded=1000)


def released_authorisation() -> None:
    ordered()
    put(
        intent(order="A-1", status="canceled"),
        charge(captured_at=None, amount_captured=0, amount_refunded=1000),
        refund(),
    )


def partial_capture() -> None:
    ordered()
    pays(1500, amount_captured=1000, amount_refunded=500)
    put(refund(amount=500))


def too_much_asked() -> None:
    refused(paid(), 1001)


def asked_twice() -> None:
    order = paid()
    asks(order)
    refused(order)


def more_refunded_than_captured() -> None:
    paid()
    refunds(1000)
    refunds(500, "re_2")


def payment_of_a_canceled_order() -> None:
    cancel_order(ordered().pk, reason="asked for", now=at(0))
    pays()


def payment_of_a_canceled_order_refunded() -> None:
    payment_of_a_canceled_order()
    refunds()


def second_payment() -> None:
    paid()
    pays(n=2)


def second_payment_refunded() -> None:
    second_payment()
    refunds(of="ch_2")


def second_payment_after_a_full_refund() -> None:
    paid()
    refunds()
    pays(n=2, captured_at=at(90))


def smaller_payment() -> None:
    ordered()
    pays(600)


def smaller_payment_refunded() -> None:
    smaller_payment()
    refunds(600)


def larger_payment() -> None:
    ordered()
    pays(1500)


def other_currency() -> None:
    ordered()
    pays(currency="eur")


def other_currency_refunded() -> None:
    other_currency()
    refunds(currency="eur")


def no_order_refunded() -> None:
    pays()
    refunds()


def payment_fails_after_success() -> None:
    paid()
    put(charge(status="failed", captured_at=at(1), amount_captured=1000, captured=True))


def disputed() -> None:
    order = paid()
    disputes("needs_response", is_charge_refundable=False)
    refused(order)


def disputed_and_under_review() -> None:
    paid()
    disputes("under_review", is_charge_refundable=False)


def refund_of_a_disputed_payment() -> None:
    order = paid()
    disputes("under_review", is_charge_refundable=False)
    refused(order)


def refund_of_an_inquiry() -> None:
    order = paid()
    disputes("warning_under_review", is_charge_refundable=True)
    makes(asks(order))


def dispute_lost() -> None:
    order = paid()
    disputes("lost", is_charge_refundable=False)
    refused(order)


def refund_after_a_won_dispute() -> None:
    order = paid()
    disputes("won", is_charge_refundable=False, balance_transactions=["txn_out", "txn_in"])
    put(balance_transaction("txn_out", "dp_1", amount=-1000, reporting_category="dispute"))
    refused(order)
    put(balance_transaction("txn_in", "dp_1", amount=1000, reporting_category="dispute_reversal"))
    makes(asks(order))


SITUATIONS: dict[str, Callable[[], object]] = {
    "partial refund": partial_refund,
    "full refund": full_refund,
    "parts that add up": parts_that_add_up,
    "partial refund after fulfilment": partial_refund_after_fulfilment,
    "full refund after fulfilment": full_refund_after_fulfilment,
    "line refunded and restocked": line_refunded(True),
    "line refunded and kept": line_refunded(False),
    "goods that come back later": goods_that_come_back_later,
    "refund asked for": lambda: asks(paid()),
    "refund unanswered": refund_unanswered,
    "refund refused by Stripe": refund_refused_by_stripe,
    "pending refund": not_yet("pending", pending_reason="insufficient_funds"),
    "refund that requires action": not_yet("requires_action"),
    "refund canceled": canceled_refund,
    "refund that fails at once": fails_at_once,
    "partial refund fails later": partial_refund_fails,
    "full refund fails after cancel": full_refund_fails,
    "full refund fails and is made anew": full_refund_fails_and_is_made_anew,
    "refund fails after fulfilment": refund_fails_after_fulfilment,
    "dashboard refund": dashboard_refund,
    "refund before its charge": refund_before_its_charge,
    "released authorisation": released_authorisation,
    "partial capture": partial_capture,
    "too much asked": too_much_asked,
    "asked twice for all of it": asked_twice,
    "more refunded than captured": more_refunded_than_captured,
    "payment of a canceled order": payment_of_a_canceled_order,
    "payment of a canceled order refunded": payment_of_a_canceled_order_refunded,
    "second payment": second_payment,
    "second payment refunded": second_payment_refunded,
    "second payment after a full refund": second_payment_after_a_full_refund,
    "smaller payment": smaller_payment,
    "smaller payment refunded": smaller_payment_refunded,
    "larger payment": larger_payment,
    "other currency": other_currency,
    "other currency refunded": other_currency_refunded,
    "no order": pays,
    "no order and refunded": no_order_refunded,
    "payment fails after success": payment_fails_after_success,
    "disputed": disputed,
    "disputed and under review": disputed_and_under_review,
    "refund of a disputed payment": refund_of_a_disputed_payment,
    "refund of an inquiry": refund_of_an_inquiry,
    "dispute lost": dispute_lost,
    "refund after a won dispute": refund_after_a_won_dispute,
}


def where_the_units_are(order: Order | None) -> str:
    """By the order's line and the shop's stock, which must agree."""
    stock = Product.objects.get().stock
    taken = sum(line.taken for line in order.lines.all()) if order else 0
    assert taken + (stock or 0) == 3
    if taken:
        return "taken"
    return "given back" if order and order.paid_at else "not taken"


def what_happened() -> Expected:
    """The row that the database as it stands deserves."""
    spoken_of = [
        check.name
        for check in all_checks()
        if check.find.__module__.rpartition(".")[2] in SPOKEN_OF
    ]
    run = run_checks(spoken_of)
    assert not run.crashed, run.results
    order = Order.objects.first()
    issues = Issue.objects.filter(status="open").order_by("check_name")
    return Expected(
        order=order.status if order else "no order",
        refund=order.refund_status if order else "none",
        stock=where_the_units_are(order),
        issue=", ".join(f"{issue.check_name} ({issue.severity})" for issue in issues) or "none",
    )


def test_every_row_has_its_situation_and_every_situation_its_row() -> None:
    assert list(rows()) == list(SITUATIONS)


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_policy_is_what_happens(name: str) -> None:
    SITUATIONS[name]()
    assert what_happened() == rows()[name]
