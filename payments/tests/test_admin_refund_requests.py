"""Refund requests in the admin: found, withdrawn, asked again; by those who may."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from auditlog.identity import CONFIRMED_AT
from auditlog.models import AuditEvent
from payments.models import Charge, RefundRequest
from payments.refund_sending import send_due
from payments.tests.refunding import captured, recorded, refunds_at
from standin import StandIn

pytestmark = pytest.mark.django_db
LIST = "admin:payments_refundrequest_changelist"


@pytest.fixture
def charge(standin: StandIn) -> Charge:
    return captured(standin)


def press(client: Client, action: str, *rows: RefundRequest, **values: str) -> Any:
    return client.post(
        reverse(LIST),
        {"action": action, "_selected_action": [row.pk for row in rows], **values},
        follow=True,
    )


def test_a_request_is_found_by_its_id_and_its_charge(
    client: Client, auditor: User, charge: Charge
) -> None:
    request, other = recorded(charge, 100), recorded(charge, 200)
    client.force_login(auditor)

    def found(query: str) -> set[RefundRequest]:
        return set(client.get(reverse(LIST), {"q": query}).context["cl"].result_list)

    assert found(str(request.pk)) == {request}
    assert found(charge.pk) == {request, other}
    assert found("no_such_thing") == set()
    assert set(client.get(reverse(LIST), {"status": "open"}).context["cl"].result_list) == {
        request,
        other,
    }


def test_one_that_isnt_sent_is_withdrawn_with_a_reason(
    client: Client, operator: User, standin: StandIn, charge: Charge
) -> None:
    request = recorded(charge)
    client.force_login(operator)
    assert "Withdraw" in press(client, "withdraw", request).content.decode()
    assert "Say why" in press(client, "withdraw", request, confirmed="1").content.decode()
    request.refresh_from_db()
    assert request.status == "recorded"
    press(client, "withdraw", request, confirmed="1", reason="by mistake")
    request.refresh_from_db()
    assert request.status == "withdrawn"
    audited = AuditEvent.objects.get(action="refund_request.withdrawn")
    assert (audited.actor, audited.reason) == (operator, "by mistake")
    send_due()
    assert refunds_at(standin, charge) == []
    assert "none was chosen" in press(client, "withdraw", request).content.decode()


def test_a_refused_one_is_asked_again_at_once(
    client: Client, operator: User, standin: StandIn, charge: Charge
) -> None:
    dispute = standin.create_dispute(charge.pk)
    request = recorded(charge)
    send_due()
    request.refresh_from_db()
    assert request.status == "refused"
    standin.resolve_dispute(dispute["id"], "won")
    client.force_login(operator)
    page = client.get(request.get_absolute_url())
    assert "Ask Stripe again" in page.content.decode()
    assert "charge_disputed" in page.content.decode()
    press(client, "ask_again", request, confirmed="1", reason="won")
    request.refresh_from_db()
    assert (request.status, request.attempt) == ("made", 2)


def test_one_above_the_limit_is_asked_again_by_who_says_again_who_they_are(
    client: Client, operator: User, standin: StandIn, charge: Charge, settings: Any
) -> None:
    settings.REFUND_CONFIRM_ABOVE = {"": Decimal(0)}
    standin.create_dispute(charge.pk)
    request = recorded(charge)
    send_due()
    client.force_login(operator)
    session = client.session
    session[CONFIRMED_AT] = 0
    session.save()
    page = press(client, "ask_again", request, confirmed="1", reason="won")
    assert "say again who you are" in page.content.decode()
    request.refresh_from_db()
    assert (request.status, request.attempt) == ("refused", 1)
    said = {"confirmed": "1", "reason": "won", "identity-password": "a-long-test-password"}
    press(client, "ask_again", request, **said)
    request.refresh_from_db()
    assert request.attempt == 2


def test_who_may_only_look_changes_nothing(client: Client, auditor: User, charge: Charge) -> None:
    request = recorded(charge)
    client.force_login(auditor)
    assert "Withdraw" not in client.get(request.get_absolute_url()).content.decode()
    press(client, "withdraw", request, confirmed="1", reason="x")
    request.refresh_from_db()
    assert request.status == "recorded"
