"""Money that is held and not captured: who is told, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring import registry
from monitoring.models import Severity
from monitoring.registry import Finding
from monitoring.tests.rows import HOUR, authorisation
from payments.models import Charge, PaymentIntent

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def found() -> list[Finding]:
    check = registry.get("authorisation_expiring")
    assert check is not None
    return list(check.find(timezone.now()))


def test_an_authorisation_is_told_two_days_before_its_end() -> None:
    authorisation(created=timezone.now() - 5 * DAY + HOUR)
    assert found() == []
    Charge.objects.update(created=timezone.now() - 5 * DAY - HOUR)
    [finding] = found()
    assert finding.severity is None
    Charge.objects.update(created=timezone.now() - 6 * DAY - HOUR)
    [finding] = found()
    assert finding.severity == Severity.HIGH
    assert finding.evidence["said by"] == "seven days from its start"


def test_stripes_own_word_goes_before_the_seven_days() -> None:
    authorisation(created=timezone.now() - 6 * DAY, capture_before=timezone.now() + 20 * DAY)
    assert found() == []
    Charge.objects.update(created=timezone.now(), capture_before=timezone.now() + HOUR)
    [finding] = found()
    assert finding.evidence["said by"] == "Stripe"


def test_an_intent_is_held_before_its_charge_is_known() -> None:
    authorisation()
    Charge.objects.all().delete()
    PaymentIntent.objects.update(created=timezone.now() - 8 * DAY)
    [finding] = found()
    assert (finding.subject_id, finding.amount_minor) == ("pi_1", 5_000)
    assert "ended" in finding.summary


def test_an_old_charge_without_an_intent_is_held_by_itself() -> None:
    authorisation(payment_intent_id=None, created=timezone.now() - 6 * DAY)
    PaymentIntent.objects.all().delete()
    [finding] = found()
    assert (finding.subject_type, finding.subject_id) == ("payments.charge", "ch_1")
    Charge.objects.update(refunded=True, amount_refunded=5_000)  # released
    assert found() == []
