"""More given back than there was: refunds and disputes against what a payment brought."""

from __future__ import annotations

import pytest
from django.utils import timezone

from monitoring import registry
from monitoring.tests.rows import dispute, payment, refund
from payments.models import Dispute, Refund

pytestmark = pytest.mark.django_db


def differences() -> list[tuple[str, int | None]]:
    check = registry.get("given_back_above_captured")
    assert check is not None
    return [(found.subject_id, found.amount_minor) for found in check.find(timezone.now())]


def test_refund_and_dispute_within_what_was_captured_are_fine() -> None:
    payment(amount_refunded=2_000)
    refund(amount=2_000)
    dispute(status="lost", amount=3_000)
    assert differences() == []
    Dispute.objects.update(amount=3_001)
    assert differences() == [("ch_1", 1)]


def test_a_dispute_that_was_won_takes_nothing() -> None:
    payment(amount_refunded=2_000)
    refund(amount=2_000)
    dispute(status="won")
    assert differences() == []


def test_refunds_that_failed_give_nothing_back() -> None:
    payment()
    refund("1", 5_000, status="failed", failed_at=timezone.now())
    refund("2", 5_000)
    assert differences() == []
    Refund.objects.update(status="succeeded")
    assert differences() == [("ch_1", 5_000)]


def test_what_a_partial_capture_released_is_not_given_back() -> None:
    payment(amount=6_000, amount_captured=1_000, amount_refunded=5_000)
    refund(amount=5_000)
    assert differences() == []


def test_a_charge_that_alone_says_too_much_was_refunded_is_found() -> None:
    payment(amount_refunded=6_000)
    assert differences() == [("ch_1", 1_000)]
