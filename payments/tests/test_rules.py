"""Which of two observations is the truth: one test for each line of the table in ``mirror.rules``.

Each case is projected in both orders, one event a batch, and must end the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from payments import inbox
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Coupon,
    Customer,
    Dispute,
    Invoice,
    MirrorObject,
    PaymentIntent,
    Payout,
    Price,
    Product,
    ReadRequest,
    Refund,
    Source,
    StripeEvent,
    Subscription,
)
from payments.processing import drain
from payments.replay import verify
from payments.tests import stripe_events as make
from payments.tests.stripe_events import NOW, event

pytestmark = pytest.mark.django_db

Payload = dict[str, Any]


def read(obj: Payload, *, at: int = NOW, context: Payload | None = None) -> Payload:
    payload = event(f"read.{obj['object']}", obj, created=at, id=f"read_{obj['id']}_{at}")
    return payload | ({"context": context} if context else {})


def deliver(payloads: Sequence[Payload]) -> None:
    """Each payload arrives and is processed on its own; reads come as reads."""
    for payload in payloads:
        source = Source.READ if payload["type"].startswith("read.") else Source.WEBHOOK
        inbox.store([payload], source)
        drain()


def ends(model: type[MirrorObject], *payloads: Payload) -> Any:
    """The row that all orders of arrival end in; it fails when they don't agree."""
    from django.db import transaction

    rows = []
    for order in permutations(payloads):
        with transaction.atomic():
            deliver(order)
            (row,) = model._default_manager.all()
            assert list(verify()) == []
            bad = StripeEvent.objects.exclude(status="processed")
            assert not bad.exists(), [e.error for e in bad]
            rows.append(row)
            transaction.set_rollback(True)
        assert not model._default_manager.exists()
    columns = [f.attname for f in model._meta.concrete_fields]
    for row in rows[1:]:
        for name in columns:
            assert getattr(row, name) == getattr(rows[0], name), name
    return rows[0]


def test_the_newer_one_wins() -> None:
    old = event("customer.updated", make.customer(name="Old"), created=NOW)
    new = event("customer.updated", make.customer(name="New"), created=NOW + 1)
    assert ends(Customer, old, new).name == "New"


def test_a_read_loses_to_an_event_of_its_second_and_wins_over_an_older_one() -> None:
    told = event("customer.updated", make.customer(name="Told"))
    assert ends(Customer, told, read(make.customer(name="Read"))).name == "Told"
    assert ends(Customer, told, read(make.customer(name="Read"), at=NOW + 1)).name == "Read"


def test_created_is_first_in_its_second() -> None:
    created = event("customer.created", make.customer(name="First"), id="evt_z")
    updated = event("customer.updated", make.customer(name="Then"), id="evt_a")
    assert ends(Customer, created, updated).name == "Then"


def test_an_event_follows_the_one_that_holds_its_previous_attributes() -> None:
    chain = [
        event(
            "customer.updated",
            make.customer(name=f"N{i}"),
            id=f"evt_{9 - i}",
            previous={"name": f"N{i - 1}"},
        )
        for i in range(1, 4)
    ]
    row = ends(Customer, *chain)
    assert row.name == "N3"
    assert not row.ambiguous


def test_the_chain_holds_for_nested_values_and_for_keys_that_were_not_there() -> None:
    first = event(
        "payment_intent.amount_capturable_updated",
        make.payment_intent(status="processing", metadata={"a": "1"}),
        id="evt_b",
        previous={"metadata": {"a": None}},
    )
    second = event(
        "payment_intent.partially_funded",
        make.payment_intent(status="processing", metadata={"a": "2"}),
        id="evt_a",
        previous={"metadata": {"a": "1"}},
    )
    assert ends(PaymentIntent, first, second).metadata == {"a": "2"}


def test_the_chain_holds_between_api_versions() -> None:
    """The first has its period on the subscription, the second on the items."""
    start, end = NOW, NOW + 2_592_000
    old_shape = make.subscription(
        current_period_start=start, current_period_end=end, cancel_at_period_end=False
    )
    old_shape["items"] = {"data": [{"id": "si_1", "price": make.price(), "quantity": 1}]}
    first = event(
        "customer.subscription.updated",
        old_shape,
        id="evt_z",
        version="2020-08-27",
        previous={"status": "trialing"},
    )
    second = event(
        "customer.subscription.updated",
        make.subscription(cancel_at_period_end=True),
        id="evt_a",
        previous={"cancel_at_period_end": False},
    )
    row = ends(Subscription, first, second)
    assert row.cancel_at_period_end
    assert (row.current_period_start.timestamp(), row.current_period_end.timestamp()) == (
        start,
        end,
    )
    assert not row.ambiguous


def test_what_nothing_decides_goes_by_id_is_marked_and_read_again() -> None:
    one = event("customer.updated", make.customer(name="One"), id="evt_1")
    two = event("customer.updated", make.customer(name="Two"), id="evt_2")
    row = ends(Customer, one, two)
    assert (row.name, row.ambiguous) == ("Two", True)
    deliver([one, two])
    assert ReadRequest.objects.filter(kind="customer", key="cus_1").exists()
    deliver([read(make.customer(name="Two"), at=NOW + 5)])
    assert not Customer.objects.get().ambiguous


def test_alike_observations_of_one_second_are_not_ambiguous() -> None:
    one = event("customer.updated", make.customer(), id="evt_1", version="2020-08-27")
    two = event("customer.updated", make.customer(phone="1"), id="evt_2")
    assert not ends(Customer, one, two).ambiguous


# payment intent


def test_intent_payment_failed_over_processing() -> None:
    failed = event(
        "payment_intent.payment_failed",
        id="evt_a",
        obj=make.payment_intent(status="requires_payment_method"),
    )
    processing = event(
        "payment_intent.processing", id="evt_z", obj=make.payment_intent(status="processing")
    )
    assert ends(PaymentIntent, failed, processing).status == "requires_payment_method"


@pytest.mark.parametrize("final", ["succeeded", "canceled"])
def test_intent_succeeded_and_canceled_absorb(final: str) -> None:
    done = event(f"payment_intent.{final}", make.payment_intent(status=final))
    late = event(
        "payment_intent.processing", make.payment_intent(status="processing"), created=NOW + 9
    )
    assert ends(PaymentIntent, done, late).status == final


# charge


def test_charge_is_never_ranked_by_amount_refunded() -> None:
    """A failed refund lowers it: the later event has less."""
    refunded = event(
        "charge.refunded",
        make.charge(amount_refunded=2000),
        id="evt_z",
        previous={"amount_refunded": 0},
    )
    lowered = event(
        "charge.updated",
        make.charge(amount_refunded=0),
        id="evt_a",
        created=NOW + 1,
        previous={"amount_refunded": 2000},
    )
    assert ends(Charge, refunded, lowered).amount_refunded == 0


def test_charge_balance_transaction_is_never_lost_again() -> None:
    having = event("charge.updated", make.charge())
    lacking = event("charge.updated", make.charge(balance_transaction=None), created=NOW + 7)
    assert ends(Charge, having, lacking).balance_transaction_id == "txn_1"


def test_charge_failed_with_failure_transaction_over_succeeded() -> None:
    succeeded = event("charge.succeeded", make.charge(), id="evt_z")
    failed = event(
        "charge.failed",
        id="evt_a",
        obj=make.charge(status="failed", paid=False, failure_balance_transaction="txn_f"),
    )
    row = ends(Charge, succeeded, failed)
    assert (row.status, row.failure_balance_transaction_id) == ("failed", "txn_f")
    assert row.captured_at is not None
    assert row.amount_captured == 5000


# refund


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("pending", "requires_action"),
        ("requires_action", "succeeded"),
        ("requires_action", "canceled"),
        ("succeeded", "failed"),
        ("canceled", "failed"),
    ],
)
def test_refund_ranks(lower: str, higher: str) -> None:
    one = event("refund.updated", make.refund(status=lower), id="evt_z")
    two = event("refund.updated", make.refund(status=higher), id="evt_a")
    assert ends(Refund, one, two).status == higher


def test_a_succeeded_refund_can_fail_and_both_times_are_kept() -> None:
    succeeded = event("refund.created", make.refund())
    failed = event(
        "refund.failed",
        created=NOW + 86_400,
        obj=make.refund(status="failed", failure_balance_transaction="txn_f"),
    )
    row = ends(Refund, succeeded, failed)
    assert row.status == "failed"
    assert row.succeeded_at.timestamp() == NOW
    assert row.failed_at.timestamp() == NOW + 86_400


# dispute


def test_dispute_has_no_final_state() -> None:
    lost = event("charge.dispute.closed", make.dispute(status="lost"))
    appealed = event(
        "charge.dispute.updated", created=NOW + 1, obj=make.dispute(status="appeal_under_review")
    )
    assert ends(Dispute, lost, appealed).status == "appeal_under_review"


def test_dispute_transactions_are_a_union() -> None:
    def with_transactions(*ids: str) -> list[Payload]:
        return [make.balance_transaction(i, source="dp_1") for i in ids]

    won = event(
        "charge.dispute.closed",
        id="evt_z",
        previous={"status": "under_review"},
        obj=make.dispute(status="won", balance_transactions=with_transactions("txn_a")),
    )
    back = event(
        "charge.dispute.funds_reinstated",
        id="evt_a",
        obj=make.dispute(status="won", balance_transactions=with_transactions("txn_a", "txn_b")),
    )
    assert ends(Dispute, won, back).balance_transactions == ["txn_a", "txn_b"]
    deliver([won, back])
    assert set(BalanceTransaction.objects.values_list("id", flat=True)) == {"txn_a", "txn_b"}


# payout


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("pending", "in_transit"), ("in_transit", "paid"), ("paid", "failed"), ("paid", "canceled")],
)
def test_payout_ranks(lower: str, higher: str) -> None:
    one = event("payout.updated", make.payout(status=lower), id="evt_z")
    two = event("payout.updated", make.payout(status=higher), id="evt_a")
    assert ends(Payout, one, two).status == higher


# subscription


@pytest.mark.parametrize("final", ["canceled", "incomplete_expired"])
def test_subscription_only_its_two_ends_absorb(final: str) -> None:
    ended = event("customer.subscription.deleted", make.subscription(status=final))
    late = event("customer.subscription.updated", make.subscription(), created=NOW + 9)
    assert ends(Subscription, ended, late).status == final


def test_subscription_others_by_chain_else_read_again() -> None:
    due = event(
        "customer.subscription.updated",
        make.subscription(status="past_due"),
        id="evt_z",
        previous={"status": "active"},
    )
    paid = event(
        "customer.subscription.updated",
        make.subscription(status="active"),
        id="evt_a",
        previous={"status": "past_due"},
    )
    row = ends(Subscription, due, paid)  # each follows the other: nobody can tell
    assert row.ambiguous


# invoice


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("draft", "open"),
        ("open", "uncollectible"),
        ("uncollectible", "paid"),
        ("uncollectible", "void"),
    ],
)
def test_invoice_ranks(lower: str, higher: str) -> None:
    one = event("invoice.updated", make.invoice(status=lower), id="evt_z")
    two = event("invoice.updated", make.invoice(status=higher), id="evt_a")
    assert ends(Invoice, one, two).status == higher


# customer, product, price, coupon


@pytest.mark.parametrize(
    ("model", "make_object", "folder"),
    [
        (Customer, make.customer, "customer"),
        (Product, make.product, "product"),
        (Price, make.price, "price"),
        (Coupon, make.coupon, "coupon"),
    ],
)
def test_deleted_holds_against_a_later_update(model: Any, make_object: Any, folder: str) -> None:
    deleted = event(f"{folder}.deleted", make_object(), created=NOW)
    updated = event(f"{folder}.updated", make_object(), created=NOW + 9)
    assert ends(model, deleted, updated).deleted
    stub = read({"id": make_object()["id"], "object": folder, "deleted": True})
    assert ends(model, stub, updated).deleted


# balance transaction


def test_balance_transaction_pending_before_available_and_keeps_its_payout() -> None:
    pending = read(make.balance_transaction(), at=NOW)
    available = read(make.balance_transaction(status="available"), at=NOW) | {"id": "read_a"}
    listed = read(make.balance_transaction(), at=NOW - 5, context={"payout": "po_1"})
    row = ends(BalanceTransaction, pending, available, listed)
    assert (row.status, row.payout_id) == ("available", "po_1")


# Checkout session


def test_session_keeps_its_lines_and_its_first_payment() -> None:
    paid = event("checkout.session.completed", make.checkout_session())
    lines = read(make.checkout_session(line_items=make.line_items(("tea", 2, 5000))), at=NOW - 1)
    row = ends(CheckoutSession, paid, lines)
    assert [line["product"] for line in row.line_items] == ["tea"]
    assert row.paid_at.timestamp() == NOW


def test_an_open_session_that_needs_no_payment_is_not_paid_yet() -> None:
    opened = event(
        "checkout.session.created",
        make.checkout_session(
            status="open", payment_status="no_payment_required", payment_intent=None, amount_total=0
        ),
    )
    assert ends(CheckoutSession, opened).paid_at is None


def test_two_that_follow_each_other_leave_a_third_undecided() -> None:
    def updated(id: str, before: Payload, **now: Any) -> Payload:
        return event("customer.updated", make.customer(**now), id=id, previous=before)

    there = updated("evt_a", {"name": "X"}, name="Y")
    back = updated("evt_b", {"name": "Y"}, name="X")
    third = updated("evt_c", {"delinquent": True}, name="Z")
    assert ends(Customer, there, back, third).ambiguous
