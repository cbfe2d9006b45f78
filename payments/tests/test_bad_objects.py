"""What stands wrong inside an event's object: named, kept, and in nobody's way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from payments import changes, inbox
from payments.changes import Changes
from payments.mirror.projection import SPECS
from payments.models import StripeEvent
from payments.processing import drain
from payments.replay import verify
from payments.tests import stripe_events as make
from payments.tests.stripe_events import NOW, body, event

pytestmark = pytest.mark.django_db


def bad_object(**over: Any) -> dict[str, Any]:
    return event("charge.succeeded", make.charge(**over))


BAD_OBJECTS = {
    "no amount": (bad_object(amount=None), "amount is missing"),
    "amount as a text": (bad_object(amount="50.00"), "amount is a text, not an integer"),
    "amount with decimals": (bad_object(amount=50.5), "amount is a number, not an integer"),
    "absurd amount": (bad_object(amount=10**30), "amount is out of range"),
    "absurd negative amount": (bad_object(amount_refunded=-(10**18)), "amount_refunded is out of"),
    "no currency": (bad_object(currency=None), "currency is missing"),
    "unknown currency form": (bad_object(currency="EURO"), "currency is 'EURO'"),
    "absurd time": (bad_object(created=10**18), "created is out of range"),
    "reference of 10 kB": (bad_object(customer="c" * 10_000), "customer has 10000 characters"),
    "reference that is a number": (bad_object(customer=5), "customer is a number, not an id"),
    "status of 1 kB": (bad_object(status="s" * 1000), "status has 1000 characters"),
    "details that are a list": (
        bad_object(payment_method_details=[1]),
        "payment_method_details is a list, not an object",
    ),
}


@pytest.mark.parametrize("name", BAD_OBJECTS)
def test_a_bad_object_fails_by_name_keeps_its_event_and_blocks_nothing(name: str) -> None:
    payload, reason = BAD_OBJECTS[name]
    inbox.receive(body(payload))
    inbox.receive(body(event("customer.created", make.customer())))
    done = drain()
    assert (done.processed, done.failed) == (1, 1)
    row = StripeEvent.objects.get(stripe_id=payload["id"])
    assert (row.status, row.attempts) == ("failed", 1)
    assert reason in row.error
    assert row.payload == payload


# What fails only where observations are laid together, or is nobody's to foresee.
POISON = {
    "negative capture": ("charge.updated", make.charge(amount_captured=-1), "is negative"),
    "negative refund": ("refund.updated", make.refund(amount=-1), "amount is negative"),
    "a number among transactions": (
        "charge.dispute.updated",
        make.dispute(balance_transactions=[5]),
        "balance_transactions is a number, not an id",
    ),
    "expanded without a time": (
        "charge.updated",
        make.charge(balance_transaction={**make.balance_transaction(), "created": "noon"}),
        "created is a text, not a Unix time",
    ),
    "carried without an id": (
        "charge.updated",
        make.charge(refunds={"object": "list", "data": [{"object": "refund", "id": "re 1"}]}),
        "id is not an id",
    ),
}


@pytest.mark.parametrize("name", POISON)
@pytest.mark.parametrize("later", [-60, 60])
def test_a_bad_observation_does_not_spoil_the_good_ones_of_its_object(
    name: str, later: int
) -> None:
    type_, poison, reason = POISON[name]
    good = getattr(make, poison["object"])()
    bad_event = event(type_, poison, created=NOW + later)
    inbox.receive(body(bad_event))
    drain()
    inbox.receive(body(event(type_, good)))
    assert drain().processed >= 1
    bad = StripeEvent.objects.get(stripe_id=bad_event["id"])
    assert bad.status == "failed"
    assert reason in bad.error
    assert set(StripeEvent.objects.exclude(pk=bad.pk).values_list("status", flat=True)) == {
        "processed"
    }
    assert list(verify()) == []


@pytest.mark.parametrize("refunds", [5, [], [1], "none"])
def test_refunds_that_are_no_list_are_passed_over(refunds: Any) -> None:
    inbox.receive(body(event("charge.refunded", make.charge(refunds=refunds, amount_refunded=1))))
    assert drain().processed == 1


def test_what_no_rule_foresees_does_not_spoil_the_good_ones_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = SPECS["customer"]

    def parse(obj: Mapping[str, Any]) -> dict[str, Any]:
        return known.parse({**obj, "name": obj["name"].strip()})

    monkeypatch.setitem(SPECS, "customer", replace(known, parse=parse))
    inbox.receive(body(event("customer.updated", make.customer(name=None))))
    inbox.receive(body(event("customer.updated", make.customer(), created=NOW + 1)))
    assert (drain().processed, drain().total) == (1, 0)
    bad = StripeEvent.objects.get(status="failed")
    assert bad.error.startswith("it can't be understood: AttributeError: ")


def test_what_fails_unforeseen_is_named_without_the_row() -> None:
    def unforeseen(batch: Changes) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$BEGIN RAISE 'no way' USING DETAIL = 'ann@example.com'; END$$")

    inbox.receive(body(event("customer.created", make.customer())))
    changes.on_change(unforeseen)
    try:
        assert drain().failed == 1
    finally:
        changes._handlers.remove(unforeseen)
    assert StripeEvent.objects.get().error == "ProgrammingError: no way"
