"""One payment and one subscription, told in the shapes of seven API versions, end in the same rows.

Shapes follow Stripe's changelog (https://docs.stripe.com/changelog): charges inside intents and
refunds inside charges until 2022-11-15; periods on the subscription, and links from invoice to
subscription, charge and tax until basil (2025-03-31); coupons in discounts until clover
(2025-09-30).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from payments import inbox
from payments.models import (
    Charge,
    Invoice,
    MirrorObject,
    PaymentIntent,
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

VERSIONS = [
    "2017-08-15",
    "2020-08-27",
    "2022-11-15",
    "2024-10-28.acacia",
    "2025-03-31.basil",
    "2025-09-30.clover",
    "2026-10-28.endive",
]
BASIL, CLOVER, REFUNDS_OUT, ACACIA = "2025-03-31", "2025-09-30", "2022-11-15", "2024-10-28"
Payload = dict[str, Any]


def refund() -> Payload:
    return make.refund(created=NOW + 60)


def in_shape(version: str, obj: Payload) -> Payload:
    """An object of today as that version would have said it."""
    obj = deepcopy(obj)
    shape = {
        "payment_intent": intent_shape,
        "charge": charge_shape,
        "subscription": subscription_shape,
        "invoice": invoice_shape,
    }.get(obj["object"])
    return shape(version, obj) if shape else obj


def intent_shape(version: str, obj: Payload) -> Payload:
    if version < REFUNDS_OUT:
        obj["charges"] = {
            "object": "list",
            "data": [charge_shape(version, make.charge(amount_refunded=2000))],
        }
        del obj["latest_charge"]
    if version < BASIL:
        obj["invoice"] = None
    return obj


def charge_shape(version: str, obj: Payload) -> Payload:
    if version < "2020":
        del obj["amount_captured"]
        obj["source"] = {"id": "card_1", "object": "card", "brand": "Visa"}
    if version < REFUNDS_OUT:
        obj["refunds"] = {"object": "list", "has_more": False, "data": [refund()]}
    if version < BASIL:
        obj["invoice"] = None
    return obj


def subscription_shape(version: str, obj: Payload) -> Payload:
    item = obj["items"]["data"][0]
    discount = {"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": "half"}}
    if version < CLOVER:
        discount = {"id": "di_1", "object": "discount", "coupon": make.coupon()}
    obj["discounts"] = [discount]
    if version < BASIL:
        obj["current_period_start"] = item.pop("current_period_start")
        obj["current_period_end"] = item.pop("current_period_end")
    if version < "2024":
        obj["discount"] = discount
        del obj["discounts"]
    if version < "2020":
        price = item.pop("price")
        item["plan"] = {
            "id": price["id"],
            "object": "plan",
            "amount": price["unit_amount"],
            "currency": price["currency"],
            "interval": "month",
            "interval_count": 1,
            "product": price["product"],
            "usage_type": "licensed",
        }
        obj["billing"] = obj.pop("collection_method")
        obj["start"] = obj.pop("start_date")
        del obj["currency"], obj["pause_collection"]
    return obj


def invoice_shape(version: str, obj: Payload) -> Payload:
    line = obj["lines"]["data"][0]
    if version < BASIL:
        obj["subscription"] = obj.pop("parent")["subscription_details"]["subscription"]
        obj["tax"] = 0
        del obj["total_taxes"]
        obj["paid"] = True
        details = line.pop("parent")["subscription_item_details"]
        line["proration"] = details["proration"]
        line["subscription"] = details["subscription"]
        line["price"] = {"id": line.pop("pricing")["price_details"]["price"], "object": "price"}
    if version < "2020":
        line["plan"] = {"id": line.pop("price")["id"], "object": "plan"}
        del obj["status"]
        obj["date"] = obj.pop("created")
        obj["finalized_at"] = obj["status_transitions"]["finalized_at"]
    return obj


def story(version: str) -> list[Payload]:
    """A payment of 50.00, of which 20.00 go back, and a month of a discounted subscription."""
    told = [
        ("payment_intent.succeeded", make.payment_intent(), NOW),
        ("charge.succeeded", make.charge(), NOW),
        ("charge.refunded", make.charge(amount_refunded=2000), NOW + 60),
        ("customer.subscription.updated", make.subscription(), NOW),
        ("invoice.paid", make.invoice(), NOW),
    ]
    if version >= REFUNDS_OUT:
        told.append(("refund.created", refund(), NOW + 60))
    events = [
        event(type_, in_shape(version, obj), created=at, version=version) for type_, obj, at in told
    ]
    if version < REFUNDS_OUT:  # before the refund there was none to embed
        for payload in events[:2]:
            inner = payload["data"]["object"]
            charge = inner["charges"]["data"][0] if "charges" in inner else inner
            charge["refunds"]["data"] = []
            charge["amount_refunded"] = 0
    return events


def columns(row: MirrorObject) -> Payload:
    values = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}
    del values["api_version"]
    return values


def end(version: str) -> dict[str, Payload]:
    inbox.store(story(version), Source.WEBHOOK)
    drain()
    assert not StripeEvent.objects.exclude(status="processed").exists(), [
        e.error for e in StripeEvent.objects.all()
    ]
    assert list(verify()) == []
    models: list[type[MirrorObject]] = [PaymentIntent, Charge, Refund, Subscription, Invoice]
    return {model.OBJECT: columns(model._default_manager.get()) for model in models}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_ends_in_the_same_rows(version: str) -> None:
    from django.db import transaction

    with transaction.atomic():
        today = end("2026-10-28.endive")
        transaction.set_rollback(True)
    then = end(version)
    if version < "2020":  # what that version couldn't say
        for of_object, name in [("charge", "payment_method_type")]:
            then[of_object][name] = today[of_object][name]
    assert then == today
    assert then["charge"]["amount_captured"] == 5000
    assert then["refund"]["amount"] == 2000
    assert then["subscription"]["discounts"] == [{"id": "di_1", "coupon": "half"}]
    assert then["invoice"]["subscription_id"] == "sub_1"


def test_before_2024_10_28_a_refunded_charge_has_its_refunds_listed() -> None:
    """Not every refund sent an event then."""
    refunded = make.charge(amount_refunded=2000)
    inbox.store(
        [event("charge.refunded", refunded, version="2023-10-16", created=NOW)], Source.WEBHOOK
    )
    drain()
    assert ReadRequest.objects.filter(kind="charge.refunds", key="ch_1").exists()


def test_since_2024_10_28_refunds_tell_themselves() -> None:
    inbox.store([event("charge.refunded", make.charge(amount_refunded=2000))], Source.WEBHOOK)
    drain()
    assert not ReadRequest.objects.filter(kind="charge.refunds").exists()


def test_one_event_seen_in_two_versions_is_one_event() -> None:
    """A webhook comes in the endpoint's version, a listed event in the one it was made in."""
    webhook, listed = story("2026-10-28.endive")[3], story("2020-08-27")[3]
    assert webhook["id"] == listed["id"]
    assert inbox.store([webhook], Source.WEBHOOK) == 1
    assert inbox.store([listed], Source.LISTED) == 0
