"""The history of an order names the event that said so, not the newest one that was at hand."""

from __future__ import annotations

from typing import Any

import pytest

from orders.models import OrderTransition
from payments import inbox
from payments.models import Source
from payments.processing import drain
from payments.tests import stripe_events as make
from payments.tests.stripe_events import NOW, event

pytestmark = pytest.mark.django_db


def test_events_that_come_in_one_batch_each_cause_what_they_say() -> None:
    given_back: dict[str, Any] = {"amount": 5000, "created": NOW + 60}
    inbox.store(
        [
            event("checkout.session.completed", make.checkout_session()),
            event("payment_intent.succeeded", make.payment_intent()),
            event("charge.succeeded", make.charge()),
            event("charge.refunded", make.charge(amount_refunded=5000), created=NOW + 60),
            event("refund.created", make.refund(**given_back), created=NOW + 60),
            event(
                "refund.updated", make.refund(**given_back, reason="duplicate"), created=NOW + 90
            ),
        ],
        Source.WEBHOOK,
    )
    drain()
    moves = OrderTransition.objects.values_list("to_status", "event__type", "at")
    assert [(to, cause, at.timestamp() - NOW) for to, cause, at in moves] == [
        ("paid", "charge.succeeded", 0),
        ("canceled", "refund.created", 60),
    ]
