"""A refund above the limit is asked for by who says again who they are."""

from __future__ import annotations

import time
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from auditlog.identity import CONFIRMED_AT
from auditlog.models import AuditEvent
from config.refund_limits import parse_limits
from governance.second_factor import MOVES_MONEY
from orders.models import Order
from orders.tests.conftest import MakeOrder
from orders.tests.test_admin_refunds import act, bought, hear, refund_form, stripe
from payments.models import RefundRequest
from payments.refund_limit import above_limit
from standin import StandIn

__all__ = ["bought", "stripe"]

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password"
ASKED = "say again who you are"


@pytest.fixture
def an_hour_in(as_operator: Client) -> Client:
    """The operator, who signed in an hour ago."""
    session = as_operator.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()
    return as_operator


def limit(settings: Any, text: str) -> None:
    settings.REFUND_CONFIRM_ABOVE = parse_limits(text)


def test_a_refund_up_to_the_limit_asks_nothing(
    an_hour_in: Client, bought: Order, settings: Any
) -> None:
    limit(settings, "50")
    act(an_hour_in, bought, "refund", **refund_form(an_hour_in, bought, amount="50.00"))
    assert RefundRequest.objects.count() == 1


@pytest.mark.parametrize("name", ["refund", "refund_all"])
def test_one_above_it_asks_for_the_password_and_keeps_what_was_filled_in(
    an_hour_in: Client, bought: Order, settings: Any, name: str
) -> None:
    limit(settings, "49.99")
    form = refund_form(an_hour_in, bought)
    page = act(an_hour_in, bought, name, **form)
    text = page.content.decode()
    assert ASKED in text
    assert "arrived broken" in text
    assert form["request"] in text
    page = act(an_hour_in, bought, name, **form, **{"identity-password": "wrong"})
    assert "That isn’t your password." in page.content.decode()
    assert not RefundRequest.objects.exists()
    assert AccessAttempt.objects.get().failures_since_start == 1
    act(an_hour_in, bought, name, **form, **{"identity-password": PASSWORD})
    assert RefundRequest.objects.get().amount == 5000
    confirmed = AuditEvent.objects.get(action="identity.confirmed")
    assert confirmed.actor_name == "olive"
    assert PASSWORD not in str(list(AuditEvent.objects.values()))


def test_who_has_a_second_factor_is_asked_for_that_too(
    an_hour_in: Client, operator: User, bought: Order, settings: Any
) -> None:
    limit(settings, "1")
    device = TOTPDevice.objects.create(user=operator, confirmed=True)
    session = an_hour_in.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    form = refund_form(an_hour_in, bought)
    right = {"identity-password": PASSWORD, "identity-code": f"{totp(device.bin_key):06d}"}
    for wrong in ({"identity-code": ""}, {"identity-code": "000000"}, {"identity-password": "x"}):
        act(an_hour_in, bought, "refund", **form, **{**right, **wrong})
        TOTPDevice.objects.update(throttling_failure_count=0, last_t=-1)
        assert not RefundRequest.objects.exists()
    assert AuditEvent.objects.filter(action="second_factor.failed").count() == 1
    act(an_hour_in, bought, "refund", **form, **right)
    assert RefundRequest.objects.exists()


def test_it_counts_for_some_minutes_and_signing_in_does_too(
    as_operator: Client, bought: Order, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, "1")
    form = refund_form(as_operator, bought, amount="10.00")
    act(as_operator, bought, "refund", **form)
    assert RefundRequest.objects.count() == 1
    later = time.time() + 601
    monkeypatch.setattr("auditlog.identity.time.time", lambda: later)
    form = refund_form(as_operator, bought, amount="10.00")
    assert ASKED in act(as_operator, bought, "refund", **form).content.decode()
    assert RefundRequest.objects.count() == 1


def test_guessing_there_is_locked_out_like_guessing_at_the_door(
    an_hour_in: Client, bought: Order, settings: Any
) -> None:
    limit(settings, "1")
    form = refund_form(an_hour_in, bought)
    guess = {"identity-password": "wrong"}
    answers = [act(an_hour_in, bought, "refund", **form, **guess).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    right = {"identity-password": PASSWORD}
    assert act(an_hour_in, bought, "refund", **form, **right).status_code == 429
    assert not RefundRequest.objects.exists()


def test_many_small_refunds_at_once_are_one_large_one(
    an_hour_in: Client, bought: Order, stripe: StandIn, shop_order: MakeOrder, settings: Any
) -> None:
    limit(settings, "54.99")
    second = shop_order("B-2", total_minor=500)
    stripe.create_payment(500, metadata={"order": "B-2"})
    hear(stripe)
    url = reverse("admin:orders_order_bulk_refund_all")
    sent = {"row": [bought.pk, second.pk], "reason": "recall", "request": str(bought_request())}
    page = an_hour_in.post(url, sent)
    assert ASKED in page.content.decode()
    assert f'name="row" value="{second.pk}"' in page.content.decode()
    assert not RefundRequest.objects.exists()
    an_hour_in.post(url, {**sent, "identity-password": PASSWORD})
    assert RefundRequest.objects.count() == 2


def test_a_large_one_in_small_parts_is_one_too(
    an_hour_in: Client, bought: Order, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(settings, "20")
    for amount, asked in (("20.00", 1), ("0.01", 1)):
        form = refund_form(an_hour_in, bought, amount=amount)
        page = act(an_hour_in, bought, "refund", **form).content.decode()
        assert RefundRequest.objects.count() == asked
    assert ASKED in page
    # Having said so counts for what came before, and for what comes while it counts.
    act(an_hour_in, bought, "refund", **form, **{"identity-password": PASSWORD})
    form = refund_form(an_hour_in, bought, amount="25.00")
    act(an_hour_in, bought, "refund", **form)
    assert RefundRequest.objects.count() == 3
    later = time.time() + 601
    monkeypatch.setattr("auditlog.identity.time.time", lambda: later)
    form = refund_form(an_hour_in, bought, amount="4.00")
    act(an_hour_in, bought, "refund", **form)
    assert RefundRequest.objects.count() == 4


def bought_request() -> str:
    return "7a0a2c6e-5b0c-4a4e-9d6b-0d6a0b0c0d0e"


def test_every_act_that_sends_money_away_says_how_much() -> None:
    keeps = {"restock", "restock_returned", "withdraw"}
    acts = [act for page in admin.site._registry.values() for act in getattr(page, "acts", ())]
    moving = {act.name: act for act in acts if act.permission in MOVES_MONEY}
    assert {"refund", "refund_payment", "ask_again", *keeps} <= {*moving}
    assert [name for name, act in moving.items() if name not in keeps and not act.moves] == []


def test_limits_by_currency_in_amounts_as_people_write_them(settings: Any) -> None:
    limit(settings, "500 jpy=80000")
    assert not above_limit([(50_000, "eur")])
    assert above_limit([(50_001, "eur")])
    assert not above_limit([(80_000, "jpy"), (50_000, "eur"), (500_000, "kwd")])
    assert above_limit([(40_000, "jpy"), (40_001, "jpy")])
    limit(settings, "0")
    assert above_limit([(1, "eur")])
    limit(settings, "off")
    assert not above_limit([(10**12, "eur")])


@pytest.mark.parametrize("text", ["", "jpy=5", "five", "5 6", "eur=1 eur=2 3", "off 5", "-1"])
def test_a_limit_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_limits(text)
