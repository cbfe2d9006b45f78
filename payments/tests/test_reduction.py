"""Payloads become less after their time, and the mirror, the histories and replays don't notice."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from auditlog.models import AuditEvent
from payments import inbox
from payments.histories import histories
from payments.mirror.projection import SPECS
from payments.models import Charge, Customer, PaymentIntent, StripeEvent
from payments.processing import drain
from payments.replay import replayable, requeue, verify
from payments.retention import expired, reduce_old_payloads
from payments.sync import sync
from payments.tests import stripe_events as build
from payments.tests.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)
LATER = timedelta(days=200)
PERSONAL: dict[str, Any] = {
    "billing_details": {"email": "ada@example.com", "address": {"line1": "12 Secret Street"}},
    "shipping": {"address": {"city": "Secretville"}, "phone": "+44 20 7946 0000"},
    "payment_method_details": {"type": "card", "card": {"last4": "4242", "fingerprint": "Xt5"}},
}


def receive(*events: dict[str, Any]) -> None:
    for event in events:
        inbox.receive(json.dumps(event).encode())
    drain()


def everything() -> dict[str, list[Any]]:
    """All rows of the mirror, and all histories."""
    rows: dict[str, list[Any]] = {
        kind: list(spec.model._default_manager.order_by("pk").values())
        for kind, spec in SPECS.items()
    }
    for kind, spec in SPECS.items():
        keys = list(spec.model._default_manager.values_list("pk", flat=True))
        rows[f"{kind} was"] = [
            {"id": key, "states": states} for key, states in sorted(histories(kind, keys).items())
        ]
    return rows


def test_a_shop_reads_the_same_before_and_after_and_rebuilds_from_what_is_left(shop: Shop) -> None:
    sync()
    receive(
        build.event(
            "charge.updated",
            build.charge(**PERSONAL, receipt_email="new@example.com"),
            previous={"receipt_email": "old@example.com", "shipping": None},
        ),
        build.event(
            "charge.refunded",
            build.charge(
                "ch_2",
                payment_intent="pi_2",
                refunds={
                    "object": "list",
                    "has_more": False,
                    "data": [build.refund("re_2", charge="ch_2")],
                },
            ),
            version="2020-08-27",
        ),
        build.event(
            "payment_intent.succeeded",
            build.payment_intent(
                "pi_3", latest_charge=build.charge("ch_3", payment_intent="pi_3", **PERSONAL)
            ),
        ),
        build.event(
            "payment_method.attached", {"id": "pm_1", "object": "payment_method", **PERSONAL}
        ),
    )
    before = everything()
    assert len(before["charge"]) >= 4
    kinds = set(StripeEvent.objects.values_list("object_type", flat=True))
    assert kinds > {"charge", "refund", "dispute", "invoice", "subscription", "payout", "price"}
    open_event = build.event("charge.updated", build.charge("ch_9", amount="what?", **PERSONAL))
    receive(open_event)
    size = StripeEvent.objects.count()

    assert expired(timezone.now()).count() == 0
    assert expired(timezone.now() + LATER).count() == size - 1
    assert reduce_old_payloads(timezone.now() + LATER) == size - 1
    assert reduce_old_payloads(timezone.now() + LATER) == 0

    assert everything() == before
    assert list(verify()) == []
    assert requeue(replayable(), reason="for the test") > 0
    drain()
    assert everything() == before
    assert StripeEvent.objects.count() == size
    assert (
        sum(
            AuditEvent.objects.filter(action="event.reduced").values_list("after__count", flat=True)
        )
        == size - 1
    )
    whole = StripeEvent.objects.get(object_id="ch_9")
    assert "Secret" in json.dumps(whole.payload)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT object_type, payload FROM payments_stripeevent WHERE id <> %s "
            "AND payload::text ~ 'Secret|\"4242\"|fingerprint|7946 0000|last4'",
            [whole.pk],
        )
        assert cursor.fetchall() == []
    assert Customer.objects.get(pk=shop["customer"]).email == "ada@example.com"
    event = StripeEvent.objects.exclude(pk=whole.pk).first()
    assert event is not None
    assert len(event.payload_digest) == 64


def test_a_payload_only_becomes_less_and_says_so() -> None:
    receive(build.event("charge.succeeded", build.charge(description="a lamp")))
    event = StripeEvent.objects.get()
    assert event.status == "processed"
    data = event.payload["data"]
    for change in (
        {"payload": {**event.payload, "data": {}}},  # without saying so
        {"payload": {**event.payload, "more": 1}, "reduced_for": "retention"},
        {
            "payload": {"data": {"object": {**data["object"], "amount": 1}}},
            "reduced_for": "erasure",
        },
        {"payload": {"data": {"object": {"description": "a chair"}}}, "reduced_for": "erasure"},
        {"payload": {}, "type": "charge.failed", "reduced_for": "retention"},
        {"payload_digest": "0" * 64},
    ):
        with pytest.raises(ProgrammingError, match="can't be changed"), transaction.atomic():
            StripeEvent.objects.update(**change)
    StripeEvent.objects.update(payload={"id": event.stripe_id}, reduced_for="retention")
    for change in ({"payload": event.payload}, {"reduced_for": ""}):
        with pytest.raises(ProgrammingError, match="can't be changed"), transaction.atomic():
            StripeEvent.objects.update(**change)


def test_any_text_has_a_digest() -> None:
    receive(build.event("charge.succeeded", build.charge(description='a 5" lämp\nof \\x glass')))
    with connection.cursor() as cursor:
        cursor.execute("SELECT payload::text FROM payments_stripeevent")
        text: str = cursor.fetchone()[0]
    assert reduce_old_payloads(timezone.now() + LATER) == 1
    assert StripeEvent.objects.get().payload_digest == sha256(text.encode()).hexdigest()


def test_a_batch_is_reduced_with_a_number_of_statements_that_does_not_grow(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    receive(
        *(
            build.event("charge.succeeded", build.charge(f"ch_{n}", payment_intent=None))
            for n in range(30)
        )
    )
    with django_assert_num_queries(7):
        assert reduce_old_payloads(timezone.now() + LATER) == 30
    assert PaymentIntent.objects.count() == 0
    assert Charge.objects.count() == 30
