"""Objects that a person wants read again from Stripe, while they wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from auditlog.models import AuditEvent
from payments import reads, rereading
from payments.client import NotConfigured
from payments.models import Charge, ReadRequest, Refund
from payments.tests.conftest import Shop
from standin import StandIn

pytestmark = pytest.mark.django_db


def test_what_stripe_says_is_taken_in_at_once(shop: Shop) -> None:
    wanted = rereading.wishes("charge", shop["charge"])
    assert wanted == [("charge", shop["charge"]), ("charge.refunds", shop["charge"])]
    found = rereading.read_again(wanted, reason="differs")
    assert (found.read, found.failed, found.missing) == (2, 0, 0)
    assert Charge.objects.get(pk=shop["charge"]).amount_refunded == 700
    assert Refund.objects.get(pk=shop["refund"]).amount == 700
    event = AuditEvent.objects.get(action="stripe.read_again")
    assert event.reason == "differs"
    assert event.after == {
        "objects": [f"charge {shop['charge']}", f"charge.refunds {shop['charge']}"]
    }


def test_only_that_is_read_though_it_was_put_off(shop: Shop) -> None:
    later = timezone.now() + timedelta(hours=1)
    reads.request([("charge", shop["charge"])], not_before={shop["charge"]: later})
    reads.request([("customer", shop["customer"])])
    rereading.read_again([("charge", shop["charge"])], reason="differs")
    assert Charge.objects.filter(pk=shop["charge"]).exists()
    assert not ReadRequest.objects.filter(key=shop["charge"]).exists()
    assert ReadRequest.objects.filter(key=shop["customer"]).exists()


def test_what_fails_stays_asked_for(standin: StandIn) -> None:
    standin.stop()
    found = rereading.read_again([("charge", "ch_1")], reason="differs")
    assert found.failed == 1
    assert found.note
    assert ReadRequest.objects.get().key == "ch_1"


def test_nothing_and_too_much_are_refused(standin: StandIn) -> None:
    for wanted in ([], [("charge", f"ch_{n}") for n in range(rereading.MOST + 1)]):
        with pytest.raises(rereading.NothingToRead):
            rereading.read_again(wanted, reason="differs")
    assert not ReadRequest.objects.exists()


def test_without_a_key_nothing_is_asked() -> None:
    with pytest.raises(NotConfigured):
        rereading.read_again([("charge", "ch_1")], reason="differs")
    assert not ReadRequest.objects.exists()
    assert not AuditEvent.objects.exists()
