"""The inbox and the mirror in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from config.tests.rows import build
from payments.models import (
    BalanceTransaction,
    Charge,
    Customer,
    PaymentIntent,
    Price,
    Refund,
    StripeEvent,
)

pytestmark = pytest.mark.django_db
EVENTS = "admin:payments_stripeevent_changelist"


def charge(**values: object) -> Charge:
    return build(
        Charge,
        **{
            "id": "ch_1",
            "amount": 123_456,
            "currency": "jpy",
            "payment_intent_id": "pi_1",
            "customer_id": "cus_1",
            "livemode": False,
            **values,
        },
    )


def text_of(client: Client, name: str, *args: object) -> str:
    return client.get(reverse(name, args=args)).content.decode()


def found(client: Client, model: type, query: str) -> list[Any]:
    url = reverse(f"admin:payments_{model.__name__.lower()}_changelist")
    return sorted(row.pk for row in client.get(url, {"q": query}).context["cl"].result_list)


def test_a_page_shows_money_links_and_the_way_to_stripe(client: Client, auditor: User) -> None:
    charge(metadata={"<script>": "alert(1)"})
    build(Refund, id="re_1", charge_id="ch_1", amount=5, currency="jpy")
    build(StripeEvent, object_type="charge", object_id="ch_1", stripe_id="evt_1")
    build(PaymentIntent, id="pi_1")
    client.force_login(auditor)
    text = text_of(client, "admin:payments_charge_change", "ch_1")
    assert "123,456 JPY" in text  # no decimals in yen
    assert 'href="https://dashboard.stripe.com/test/payments/ch_1" rel="noopener' in text
    assert reverse("admin:payments_refund_change", args=[quote("re_1")]) in text
    assert "5 JPY" in text
    assert reverse("admin:payments_paymentintent_change", args=[quote("pi_1")]) in text
    assert "cus_1 (not received yet)" in text
    assert "evt_1" in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


def test_an_id_with_odd_characters_has_a_page(client: Client, auditor: User) -> None:
    """Coupons and prices of old accounts have ids that somebody chose."""
    from payments.models import Coupon

    build(Coupon, id='10% off/"x"_5F')
    client.force_login(auditor)
    url = reverse("admin:payments_coupon_changelist")
    text = client.get(url).content.decode()
    link = next(part for part in text.split('"') if part.startswith("/admin/payments/coupon/10"))
    assert client.get(link).status_code == 200


def test_search_is_by_id_its_beginning_or_several_pasted_ids(client: Client, auditor: User) -> None:
    for key in ("ch_aa1", "ch_aa2", "ch_bb1"):
        charge(id=key, payment_intent_id=f"pi_{key}")
    client.force_login(auditor)
    assert found(client, Charge, "ch_aa") == ["ch_aa1", "ch_aa2"]
    assert found(client, Charge, "ch_aa2\n ch_bb1") == ["ch_aa2", "ch_bb1"]
    assert found(client, Charge, "pi_ch_bb1") == ["ch_bb1"]
    assert found(client, Charge, "%") == []
    assert found(client, Charge, "aa") == []


def test_a_customer_is_found_by_the_whole_address(client: Client, auditor: User) -> None:
    build(Customer, id="cus_1", email="ann@example.com")
    client.force_login(auditor)
    assert found(client, Customer, "ann@example.com") == ["cus_1"]
    assert found(client, Customer, "ann@") == []


def test_money_without_a_currency_is_not_made_up(client: Client, auditor: User) -> None:
    build(Customer, id="cus_1", balance=-500, currency="")
    build(Price, id="price_1", unit_amount=None)
    client.force_login(auditor)
    assert "−500 minor units of an unknown currency" in text_of(
        client, "admin:payments_customer_change", "cus_1"
    )
    assert "unknown" in text_of(client, "admin:payments_price_changelist")


def test_a_transaction_is_found_by_its_source_and_payout(client: Client, auditor: User) -> None:
    build(BalanceTransaction, id="txn_1", source="ch_1", payout_id="po_1")
    client.force_login(auditor)
    assert found(client, BalanceTransaction, "ch_1") == ["txn_1"]
    assert found(client, BalanceTransaction, "po_1") == ["txn_1"]


def event(key: str = "evt_1", status: str = "dead") -> StripeEvent:
    return build(
        StripeEvent,
        stripe_id=key,
        status=status,
        attempts=8,
        object_type="charge",
        object_id="ch_1",
        payload={"html": "<img src=x>"},
        error="Traceback\nValueError: no currency",
    )


def test_events_are_found_by_their_id_and_by_their_object(client: Client, auditor: User) -> None:
    one, two = event("evt_1"), event("evt_2")
    client.force_login(auditor)
    assert found(client, StripeEvent, "evt_2") == [two.pk]
    assert found(client, StripeEvent, "ch_1") == [one.pk, two.pk]
    assert found(client, StripeEvent, "ch_") == []
    text = text_of(client, "admin:payments_stripeevent_change", one.pk)
    assert "&lt;img src=x&gt;" in text


def post(client: Client, *events: StripeEvent, **more: str) -> str:
    data = {"action": "retry", "_selected_action": [one.pk for one in events], **more}
    return client.post(reverse(EVENTS), data, follow=True).content.decode()


def test_retry_asks_for_a_reason_then_makes_events_due(client: Client, operator: User) -> None:
    dead, processed = event("evt_1"), event("evt_2", status="processed")
    client.force_login(operator)
    assert "Retry" in text_of(client, "admin:payments_stripeevent_change", dead.pk)

    asked = post(client, dead, processed)
    assert "1 event will be tried again at once" in asked
    assert "Say why." in post(client, dead, processed, confirmed="1", reason=" ")
    dead.refresh_from_db()
    assert dead.status == "dead"

    done = post(client, dead, processed, confirmed="1", reason="mended")
    assert "1 event will be tried again now." in done
    dead.refresh_from_db()
    processed.refresh_from_db()
    assert (dead.status, dead.attempts, processed.status) == ("received", 0, "processed")
    audited = AuditEvent.objects.latest("id")
    assert (audited.action, audited.reason, audited.actor) == ("event.retry", "mended", operator)


def test_the_auditor_may_not_retry(client: Client, auditor: User) -> None:
    dead = event()
    client.force_login(auditor)
    page = text_of(client, "admin:payments_stripeevent_change", dead.pk)
    assert 'value="retry"' not in page
    post(client, dead, confirmed="1", reason="because")
    dead.refresh_from_db()
    assert dead.status == "dead"
    assert [event.action for event in AuditEvent.objects.all()] == ["permission.denied"]


def test_a_processed_event_offers_no_retry(client: Client, operator: User) -> None:
    client.force_login(operator)
    page = text_of(client, "admin:payments_stripeevent_change", event(status="processed").pk)
    assert 'value="retry"' not in page


def test_links_hold_for_ids_that_look_like_the_admins_escapes() -> None:
    """``_1A`` in an address means a character to the admin; Stripe's ids are full of such."""
    from payments.admin.columns import admin_link

    assert 'href="/admin/payments/charge/ch_5F1A2b/change/"' in admin_link(Charge, "ch_1A2b")


def test_a_coupon_takes_off_a_share_or_an_amount(client: Client, auditor: User) -> None:
    from payments.models import Coupon

    build(Coupon, id="SHARE", percent_off="12.5000", amount_off=None, currency="")
    build(Coupon, id="AMOUNT", percent_off=None, amount_off=500, currency="eur")
    client.force_login(auditor)
    share = text_of(client, "admin:payments_coupon_change", "SHARE")
    amount = text_of(client, "admin:payments_coupon_change", "AMOUNT")
    assert "12.5 %" in share
    assert "5.00 EUR" in amount
    for text in (share, amount, text_of(client, "admin:payments_coupon_changelist")):
        assert '<span class="figure">–</span>' in text  # the other doesn't apply
        assert "unknown" not in text


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("ch_1", "charge"),
        ("py_1", "charge"),
        ("re_1", "refund"),
        ("pyr_1", "refund"),
        ("du_1", "dispute"),
        ("po_1", "payout"),
    ],
)
def test_a_balance_transaction_links_to_what_it_is_for(
    client: Client, auditor: User, source: str, page: str
) -> None:
    build(BalanceTransaction, id="txn_1", source=source)
    client.force_login(auditor)
    link = (
        f'<a href="{reverse(f"admin:payments_{page}_change", args=[quote(source)])}">{source}</a>'
    )
    assert link in text_of(client, "admin:payments_balancetransaction_changelist")
    assert link in text_of(client, "admin:payments_balancetransaction_change", quote("txn_1"))


def test_a_source_without_a_page_is_shown_as_it_is(client: Client, auditor: User) -> None:
    build(BalanceTransaction, id="txn_1", source="fee_1")
    client.force_login(auditor)
    assert ">fee_1</td>" in text_of(client, "admin:payments_balancetransaction_changelist")
