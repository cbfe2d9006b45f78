"""Any order, with duplicates, over several workers: the same end.

A day of a shop is told by webhooks, listings and reads, with much of it in the same second. However
it arrives, it ends in the same mirror, payments, refunds, orders and snapshots.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import models, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from orders.models import Order, OrderLine, OrderPayment, OrderTransition, Product
from orders.services.waiting import settle_waiting
from payments import inbox
from payments.mirror.projection import SPECS
from payments.models import Source, StripeEvent
from payments.processing import drain
from payments.replay import verify
from payments.tests import stripe_events as make
from payments.tests.stripe_events import NOW, event
from payments.tests.test_concurrency import together

Payload = dict[str, Any]
Observation = tuple[Payload, str]

LATER = datetime.fromtimestamp(NOW, UTC) + timedelta(days=2)
DAY = 86_400


def told(type_: str, obj: Payload, at: int = 0, **more: Any) -> Observation:
    suffix = more.pop("suffix", "")
    payload = event(
        type_, obj, created=NOW + at, id=f"evt_{type_}_{obj['id']}_{at}{suffix}", **more
    )
    return payload, Source.WEBHOOK


def listed(type_: str, obj: Payload, at: int = 0, **more: Any) -> Observation:
    return told(type_, obj, at, **more)[0], Source.LISTED


def read(obj: Payload, at: int = 0, context: Payload | None = None) -> Observation:
    as_of = datetime.fromtimestamp(NOW + at, UTC)
    return inbox.read_observation(
        obj, as_of=as_of, api_version=make.VERSION, context=context
    ), Source.READ


def checkout_paid_and_partly_refunded() -> list[Observation]:
    """A session with two lines; 20.00 of 50.00 go back."""
    ids = {"payment_intent": "pi_a"}
    lines = make.line_items(("tea", 2, 3000), ("cup", 1, 2000))
    refunded = make.charge("ch_a", amount_refunded=2000, **ids)
    return [
        told(
            "payment_intent.created",
            make.payment_intent(
                "pi_a", status="requires_payment_method", amount_received=0, latest_charge=None
            ),
            -5,
        ),
        told("payment_intent.succeeded", make.payment_intent("pi_a", latest_charge="ch_a")),
        told("charge.succeeded", make.charge("ch_a", balance_transaction=None, **ids)),
        told(
            "charge.updated",
            make.charge("ch_a", balance_transaction="txn_a", **ids),
            previous={"balance_transaction": None},
        ),
        told("checkout.session.completed", make.checkout_session("cs_a", **ids), 1),
        read(make.checkout_session("cs_a", line_items=lines, **ids), 2),
        listed("charge.refunded", refunded, 60, previous={"amount_refunded": 0}),
        told(
            "refund.created",
            make.refund(
                "re_a", charge="ch_a", balance_transaction="txn_ra", created=NOW + 60, **ids
            ),
            60,
        ),
        read(make.balance_transaction("txn_a", source="ch_a"), 3),
        read(
            make.balance_transaction(
                "txn_ra",
                source="re_a",
                amount=-2000,
                fee=0,
                net=-2000,
                created=NOW + 60,
                type="refund",
                reporting_category="refund",
            ),
            70,
        ),
    ]


def named_by_the_shop_refunded_in_full_and_failed_later() -> list[Observation]:
    """The intent names an order of the shop's; its refund succeeds, and fails the next day."""
    ids = {"payment_intent": "pi_b"}
    refund = {
        "charge": "ch_b",
        "amount": 5000,
        "balance_transaction": "txn_rb",
        "created": NOW + 10,
        **ids,
    }
    return [
        told(
            "payment_intent.succeeded",
            make.payment_intent("pi_b", latest_charge="ch_b", metadata={"order": "B-1"}),
        ),
        told("charge.succeeded", make.charge("ch_b", **ids)),
        told(
            "charge.refunded",
            make.charge("ch_b", amount_refunded=5000, refunded=True, **ids),
            10,
            previous={"amount_refunded": 0, "refunded": False},
        ),
        told("refund.created", make.refund("re_b", **refund), 10),
        told(
            "refund.failed",
            make.refund(
                "re_b", **{**refund, "status": "failed", "failure_balance_transaction": "txn_fb"}
            ),
            DAY,
        ),
        read(make.charge("ch_b", **ids), DAY + 5),
        read(
            make.balance_transaction(
                "txn_rb",
                source="re_b",
                amount=-5000,
                fee=0,
                net=-5000,
                created=NOW + 10,
                reporting_category="refund",
            ),
            20,
        ),
        read(
            make.balance_transaction(
                "txn_fb",
                source="re_b",
                fee=0,
                net=5000,
                created=NOW + DAY,
                reporting_category="refund_failure",
            ),
            DAY + 5,
        ),
    ]


def bare_intent_and_an_invoice() -> list[Observation]:
    """An intent that names nothing becomes an order in the end; an invoice's doesn't."""
    return [
        told("payment_intent.succeeded", make.payment_intent("pi_c", latest_charge="ch_c")),
        told("charge.succeeded", make.charge("ch_c", payment_intent="pi_c", customer="cus_1")),
        told(
            "payment_intent.succeeded",
            make.payment_intent("pi_i", latest_charge="ch_i", amount=1000, amount_received=1000),
        ),
        told(
            "charge.succeeded",
            make.charge("ch_i", payment_intent="pi_i", amount=1000, amount_captured=1000),
        ),
        told("invoice.created", make.invoice(status="draft", amount_paid=0)),
        told("invoice.paid", make.invoice(), previous={"status": "draft", "amount_paid": 0}),
        told(
            "invoice_payment.paid",
            make.invoice_payment(payment={"type": "payment_intent", "payment_intent": "pi_i"}),
            1,
        ),
    ]


def subscriber() -> list[Observation]:
    """A chain of one second, an ambiguous pair that a read settles, and an end."""
    return [
        told("customer.created", make.customer(name="A"), -9),
        *[
            told(
                "customer.updated",
                make.customer(name=name),
                5,
                previous={"name": before},
                suffix=suffix,
            )
            for name, before, suffix in [("B", "A", "z"), ("C", "B", "y"), ("D", "C", "x")]
        ],
        told("customer.subscription.created", make.subscription()),
        told(
            "customer.subscription.updated",
            make.subscription(status="past_due"),
            7,
            previous={"status": "active"},
            suffix="p",
        ),
        told(
            "customer.subscription.updated",
            make.subscription(status="active"),
            7,
            previous={"status": "past_due"},
            suffix="q",
        ),
        read(make.subscription(status="past_due"), 9),
        listed(
            "customer.subscription.deleted",
            make.subscription(status="canceled", ended_at=NOW + 99),
            99,
        ),
        told("product.created", make.product()),
        told("product.deleted", make.product(), 50),
        told("product.updated", make.product(name="Tea, again"), 51),
    ]


def disputed_and_paid_out() -> list[Observation]:
    ids = {"payment_intent": "pi_d"}
    withdrawn = make.balance_transaction(
        "txn_w",
        source="dp_d",
        amount=-5000,
        fee=1500,
        net=-6500,
        reporting_category="dispute",
        type="adjustment",
    )
    back = make.balance_transaction(
        "txn_v",
        source="dp_d",
        fee=-1500,
        net=6500,
        reporting_category="dispute_reversal",
        type="adjustment",
    )
    dispute = {"charge": "ch_d", **ids}
    return [
        told(
            "checkout.session.completed",
            make.checkout_session("cs_d", line_items=make.line_items(("tea", 1, 5000)), **ids),
        ),
        told("payment_intent.succeeded", make.payment_intent("pi_d", latest_charge="ch_d")),
        told("charge.succeeded", make.charge("ch_d", **ids)),
        told("charge.dispute.created", make.dispute("dp_d", **dispute), 30),
        told(
            "charge.dispute.funds_withdrawn",
            make.dispute("dp_d", balance_transactions=[withdrawn], **dispute),
            30,
        ),
        told(
            "charge.dispute.closed",
            make.dispute("dp_d", status="won", balance_transactions=[withdrawn], **dispute),
            90,
            previous={"status": "needs_response"},
        ),
        told(
            "charge.dispute.funds_reinstated",
            make.dispute("dp_d", status="won", balance_transactions=[withdrawn, back], **dispute),
            90,
        ),
        told("payout.created", make.payout(status="pending"), 40, suffix="a"),
        told("payout.paid", make.payout(status="paid"), 40, suffix="b"),
        read(
            make.balance_transaction("txn_a", source="ch_a", status="available"),
            200,
            {"payout": "po_1"},
        ),
    ]


def the_day() -> list[Observation]:
    return [
        *checkout_paid_and_partly_refunded(),
        *named_by_the_shop_refunded_in_full_and_failed_later(),
        *bare_intent_and_an_invoice(),
        *subscriber(),
        *disputed_and_paid_out(),
    ]


def shop() -> None:
    """What the shop knew before: an order that waits for its payment, and the stock of tea."""
    Order.objects.create(
        number="B-1",
        source="shop",
        currency="eur",
        total_minor=5000,
        placed_at=LATER,
        created_at=LATER,
    )
    Product.objects.create(
        sku="tea", stripe_product_id="tea", name="Tea", stock=10, created_at=LATER
    )


def rows(model: type[models.Model], *leave_out: str) -> list[dict[str, Any]]:
    """All rows as their values, without keys of ours and times of processing."""
    names = [f.attname for f in model._meta.concrete_fields if f.attname not in leave_out]
    values = model._default_manager.values(*names)
    return sorted(values, key=repr)


def the_end() -> dict[str, Any]:
    """Everything that the day comes to."""
    ours = ("created_at", "linked_at", "built_at", "recorded_at")
    end: dict[str, Any] = {spec.model.OBJECT: rows(spec.model) for spec in SPECS.values()}
    end["orders"] = rows(Order, "id", "customer_id", *ours)
    end["customers of orders"] = sorted(
        Order.objects.values_list("number", "customer__email", "customer__stripe_customer"),
        key=repr,
    )
    end["lines"] = sorted(
        OrderLine.objects.values_list(
            "order__number", "position", "product__sku", "quantity", "total_minor", "taken"
        )
    )
    end["stock"] = sorted(Product.objects.values_list("sku", "stock"))
    end["payments"] = sorted(OrderPayment.objects.values_list("order__number", "payment"))
    end["transitions"] = sorted(
        OrderTransition.objects.values_list("order__number", "from_status", "to_status", "at")
    )
    end["snapshots"] = rows(DaySnapshot, "id", "built_at")
    return end


def finish() -> dict[str, Any]:
    drain()
    settle_waiting(LATER)
    drain()
    snapshots.refresh()
    open_ = StripeEvent.objects.exclude(status="processed")
    assert not open_.exists(), [(e.stripe_id, e.status, e.error) for e in open_]
    assert list(verify()) == []
    return the_end()


def deliver(observations: Sequence[Observation]) -> None:
    for payload, source in observations:
        inbox.store([payload], source)


@pytest.fixture(scope="module")
def expected(django_db_setup: None, django_db_blocker: Any) -> dict[str, Any]:
    """The end of the day as it is told in order, in one batch; and what that must be."""
    with django_db_blocker.unblock(), transaction.atomic():
        shop()
        deliver(the_day())
        end = finish()
        transaction.set_rollback(True)
    return end


@pytest.mark.django_db
def test_the_day_comes_to_what_it_was(expected: dict[str, Any]) -> None:
    orders = {order["number"]: order for order in expected["orders"]}
    assert {key: (o["status"], o["refund_status"]) for key, o in orders.items()} == {
        "pi_a": ("paid", "partial"),
        "B-1": ("canceled", "none"),
        "pi_c": ("paid", "none"),
        "pi_d": ("paid", "none"),
    }
    assert expected["stock"] == [("cup", None), ("tea", 7)]
    assert [
        (s["gross_minor"], s["refunds_minor"], s["net_sales_minor"], s["orders"])
        for s in expected["snapshots"]
    ] == [(21_000, 7000, 14_000, 4), (0, -5000, 5000, 0)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Observation]]:
    """The day shuffled, with duplicates, cut into bursts."""
    day = the_day()
    shuffled = draw(st.permutations(range(len(day))))
    again = draw(st.lists(st.sampled_from(range(len(day))), max_size=15))
    order = [*shuffled, *again]
    if again:
        order = draw(st.permutations(order))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=6)))
    bounds = [0, *cuts, len(order)]
    return [[day[i] for i in order[start:end]] for start, end in pairwise(bounds)]


@pytest.mark.django_db
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(bursts=deliveries(), batch=st.sampled_from([1, 3, 500]))
def test_any_order_with_duplicates_ends_the_same(
    expected: dict[str, Any], bursts: list[list[Observation]], batch: int
) -> None:
    with transaction.atomic():
        shop()
        for burst in bursts:
            deliver(burst)
            drain(batch=batch)
        end = finish()
        transaction.set_rollback(True)
    for name, value in expected.items():
        assert end[name] == value, name


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(6))
def test_several_workers_end_the_same(expected: dict[str, Any], seed: int) -> None:
    shuffle = random.Random(seed)
    day = the_day() * 2
    shuffle.shuffle(day)
    shares = [day[number::4] for number in range(4)]
    shop()

    def work(number: int) -> None:
        for at, (payload, source) in enumerate(shares[number]):
            inbox.store([payload], source)
            if at % 5 == number:
                drain(batch=shuffle.choice([1, 2, 7]))
        drain(batch=3)

    together(4, work)
    end = finish()
    for name, value in expected.items():
        assert end[name] == value, name
