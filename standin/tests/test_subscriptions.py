from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import types_since

DAY = 86_400


def price_of(client: Any, amount: int = 2000, interval: str = "month", **more: Any) -> str:
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": interval},
            "product_data": {"name": "Pro"},
            **more,
        }
    )
    return str(price.id)


def subscribe(client: Any, amount: int = 2000, quantity: int = 1, **more: Any) -> Any:
    customer = client.v1.customers.create(
        {"email": "ada@example.com", "payment_method": "pm_card_visa"}
    )
    return client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price_of(client, amount), "quantity": quantity}],
            **more,
        }
    )


def invoices_of(client: Any, subscription: Any) -> list[Any]:
    """Newest first."""
    return list(client.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data)


def statuses(standin: StandIn, type_: str = "customer.subscription.updated") -> list[str]:
    return [e["data"]["object"]["status"] for e in standin.events_since(0, types=[type_])]


def test_new_subscription_is_paid_and_becomes_active(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client, quantity=3, expand=["latest_invoice.payments"])
    assert subscription.status == "active"
    item = subscription["items"].data[0]
    assert (item.quantity, item.current_period_start) == (3, standin.now)
    month = datetime.fromtimestamp(item.current_period_end, UTC).month
    assert month == datetime.fromtimestamp(standin.now, UTC).month % 12 + 1
    assert "current_period_end" not in subscription
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.amount_paid) == ("paid", 6000)
    assert invoice.payments.data[0].payment.type == "payment_intent"
    assert types_since(standin, 0)[-12:] == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.updated",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]
    assert statuses(standin, "customer.subscription.created") == ["incomplete"]


def test_invoice_has_the_shape_of_basil_and_later(client: Any) -> None:
    subscription = subscribe(client)
    invoice = client.v1.invoices.retrieve(subscription.latest_invoice)
    for gone in ("subscription", "charge", "payment_intent", "paid", "tax", "discount", "payments"):
        assert gone not in invoice
    assert invoice.parent.subscription_details.subscription == subscription.id
    (line,) = invoice.lines.data
    assert line.parent.type == "subscription_item_details"
    assert line.parent.subscription_item_details.proration is False
    assert line.pricing.price_details.price == subscription["items"].data[0].price.id
    for gone in ("price", "plan", "type", "proration"):
        assert gone not in line


def test_invoice_payments_link_invoices_with_intents(client: Any) -> None:
    subscription = subscribe(client)
    (payment,) = client.v1.invoice_payments.list({"invoice": subscription.latest_invoice}).data
    assert (payment.status, payment.amount_paid) == ("paid", 2000)
    intent = payment.payment.payment_intent
    found = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    ).data
    assert [entry.invoice for entry in found] == [subscription.latest_invoice]


def test_year_of_monthly_renewals(standin: StandIn, client: Any) -> None:
    standin.now = int(datetime(2026, 1, 31, tzinfo=UTC).timestamp())
    subscription = subscribe(client)
    standin.advance(days=365)
    invoices = invoices_of(client, subscription)
    assert len(invoices) == 13
    starts = [datetime.fromtimestamp(i.created, UTC) for i in reversed(invoices)]
    assert [(at.month, at.day) for at in starts[:4]] == [(1, 31), (2, 28), (3, 31), (4, 30)]
    assert {invoice.status for invoice in invoices} == {"paid"}
    assert {i.billing_reason for i in invoices[:-1]} == {"subscription_cycle"}
    assert len(client.v1.charges.list({"limit": 100}).data) == 13


def test_failed_renewals_are_retried_until_the_subscription_is_canceled(
    standin: StandIn, client: Any
) -> None:
    subscription = subscribe(client)
    client.v1.subscriptions.update(
        subscription.id, {"default_payment_method": "pm_card_chargeDeclined"}
    )
    standin.advance(days=31)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    invoice = invoices_of(client, subscription)[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt > standin.now
    standin.advance(days=20)
    ended = client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert invoices_of(client, subscription)[0].attempt_count == 4
    failures = [t for t in types_since(standin, 0) if t == "invoice.payment_failed"]
    assert len(failures) == 4
    assert types_since(standin, 0)[-1] == "customer.subscription.deleted"
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = client.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert intent.status == "requires_payment_method"


def test_retry_that_succeeds_makes_it_active_again(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    renewed = standin.renew_subscription(subscription.id, outcome="failed")
    assert renewed["status"] == "past_due"
    paid = standin.retry_invoice(renewed["latest_invoice"], outcome="paid")
    assert paid["status"] == "paid"
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_retry_by_hand_moves_the_next_one(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    client.v1.subscriptions.update(
        subscription.id, {"default_payment_method": "pm_card_chargeDeclined"}
    )
    invoice = standin.renew_subscription(subscription.id)["latest_invoice"]
    assert standin.retry_invoice(invoice)["attempt_count"] == 2
    standin.advance(days=4)  # The first plan was to try after 3 days; now it is 5.
    assert standin.get(invoice)["attempt_count"] == 2
    standin.advance(days=2)
    assert standin.get(invoice)["attempt_count"] == 3


def test_dunning_may_end_unpaid(standin: StandIn, client: Any) -> None:
    standin.set_settings(dunning_days=[], dunning_end="unpaid")
    subscription = subscribe(client)
    assert standin.renew_subscription(subscription.id, outcome="failed")["status"] == "unpaid"
    cursor = standin.cursor
    standin.renew_subscription(subscription.id)
    assert "invoice.finalized" not in types_since(standin, cursor)  # Drafts pile up.
    assert invoices_of(client, subscription)[0].status == "draft"


def test_trial_is_free_and_then_billed(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client, trial_period_days=14)
    assert subscription.status == "trialing"
    (first,) = invoices_of(client, subscription)
    assert (first.status, first.total) == ("paid", 0)
    standin.advance(days=12)
    assert types_since(standin, 0)[-1] == "customer.subscription.trial_will_end"
    standin.advance(days=3)
    after = client.v1.subscriptions.retrieve(subscription.id)
    assert after.status == "active"
    assert after.billing_cycle_anchor == subscription.trial_end
    assert invoices_of(client, subscription)[0].amount_paid == 2000


def test_trial_without_a_card_pauses_and_resumes(standin: StandIn, client: Any) -> None:
    customer = client.v1.customers.create({"email": "bob@example.com"})
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price_of(client)}],
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    standin.advance(days=8)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "paused"
    assert types_since(standin, 0)[-1] == "customer.subscription.paused"
    settings = {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
    client.v1.customers.update(customer.id, settings)
    assert client.v1.subscriptions.resume(subscription.id).status == "active"
    assert "customer.subscription.resumed" in types_since(standin, 0)
    assert invoices_of(client, subscription)[0].status == "paid"


def test_first_payment_declined(standin: StandIn, client: Any) -> None:
    incomplete = subscribe(client, default_payment_method="pm_card_chargeDeclined")
    assert incomplete.status == "incomplete"
    with pytest.raises(stripe.CardError):
        subscribe(
            client,
            default_payment_method="pm_card_chargeDeclined",
            payment_behavior="error_if_incomplete",
        )
    standin.advance(days=1)
    assert client.v1.subscriptions.retrieve(incomplete.id).status == "incomplete_expired"
    assert invoices_of(client, incomplete)[0].status == "void"


def test_incomplete_subscription_is_paid_through_its_intent(client: Any) -> None:
    subscription = subscribe(client, payment_behavior="default_incomplete")
    assert subscription.status == "incomplete"
    (payment,) = client.v1.invoice_payments.list({"invoice": subscription.latest_invoice}).data
    client.v1.payment_intents.confirm(
        payment.payment.payment_intent, {"payment_method": "pm_card_visa"}
    )
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_customer_without_a_card_is_refused(client: Any) -> None:
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        client.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price_of(client)}]}
        )
    assert client.v1.subscriptions.list().data == []


def test_upgrade_is_prorated_on_the_next_invoice(standin: StandIn, client: Any) -> None:
    standin.now = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())
    subscription = subscribe(client, 3000)
    standin.advance(days=15)
    item = subscription["items"].data[0].id
    cursor = standin.cursor
    client.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "quantity": 2}]})
    assert types_since(standin, cursor) == [
        "customer.subscription.updated",
        "invoiceitem.created",
        "invoiceitem.created",
    ]
    (event, *_) = standin.events_since(cursor)
    assert event["data"]["previous_attributes"]["items"]["data"][0]["quantity"] == 1
    standin.advance(days=16)
    invoice = invoices_of(client, subscription)[0]
    assert [line.amount for line in invoice.lines.data] == [-1500, 3000, 6000]
    credit = invoice.lines.data[0].parent.subscription_item_details
    assert credit.proration
    assert credit.proration_details.credited_items.invoice == subscription.latest_invoice
    assert invoice.total == 7500


def test_downgrade_invoiced_at_once_leaves_a_credit(standin: StandIn, client: Any) -> None:
    standin.now = int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())
    subscription = subscribe(client, 3000, quantity=2)
    standin.advance(days=15)
    item = subscription["items"].data[0].id
    client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item, "quantity": 1}], "proration_behavior": "always_invoice"},
    )
    invoice = invoices_of(client, subscription)[0]
    assert (invoice.billing_reason, invoice.total) == ("subscription_update", -1500)
    assert (invoice.status, invoice.amount_due, invoice.ending_balance) == ("paid", 0, -1500)
    assert client.v1.customers.retrieve(subscription.customer).balance == -1500
    standin.advance(days=16)
    following = invoices_of(client, subscription)[0]
    assert (following.total, following.starting_balance) == (3000, -1500)
    assert (following.amount_paid, following.ending_balance) == (1500, 0)
    assert client.v1.customers.retrieve(subscription.customer).balance == 0


def test_change_without_proration(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    other = price_of(client, 5000)
    item = subscription["items"].data[0].id
    client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item, "price": other}], "proration_behavior": "none"},
    )
    standin.advance(days=31)
    assert [line.amount for line in invoices_of(client, subscription)[0].lines.data] == [5000]


@pytest.mark.parametrize(
    ("coupon", "totals"),
    [
        ({"percent_off": 50, "duration": "once"}, [1000, 2000, 2000, 2000]),
        ({"percent_off": 50, "duration": "forever"}, [1000, 1000, 1000, 1000]),
        (
            {
                "amount_off": 300,
                "currency": "usd",
                "duration": "repeating",
                "duration_in_months": 2,
            },
            [1700, 1700, 2000, 2000],
        ),
    ],
)
def test_discounts_last_as_long_as_their_coupon(
    standin: StandIn, client: Any, coupon: Any, totals: list[int]
) -> None:
    made = client.v1.coupons.create(coupon)
    subscription = subscribe(client, discounts=[{"coupon": made.id}])
    standin.advance(days=95)
    invoices = invoices_of(client, subscription)
    assert [invoice.total for invoice in reversed(invoices)] == totals
    first = invoices[-1]
    assert first.total_discount_amounts[0].amount == 2000 - totals[0]
    assert first.lines.data[0].discount_amounts[0].amount == 2000 - totals[0]


def test_discounts_are_ids_until_they_are_expanded(client: Any) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    subscription = subscribe(client, discounts=[{"coupon": coupon.id}])
    assert subscription.discounts[0].startswith("di_")
    client.v1.coupons.delete(coupon.id)
    (listed,) = client.v1.subscriptions.list({"expand": ["data.discounts.source.coupon"]}).data
    assert listed.discounts[0].source.coupon.percent_off == 10


def test_cancel_at_period_end_then_think_again(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    ending = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    end = subscription["items"].data[0].current_period_end
    assert (ending.status, ending.cancel_at, ending.canceled_at) == ("active", end, standin.now)
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    standin.advance(days=32)
    ended = client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    assert len(invoices_of(client, subscription)) == 1


def test_cancel_now(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    assert client.v1.subscriptions.cancel(subscription.id).status == "canceled"
    assert types_since(standin, 0)[-1] == "customer.subscription.deleted"
    assert client.v1.subscriptions.list().data == []
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 1
    assert len(client.v1.subscriptions.list({"status": "canceled"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(subscription.id)


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
)
def test_paused_collection(standin: StandIn, client: Any, behavior: str, status: str) -> None:
    subscription = subscribe(client)
    paused = client.v1.subscriptions.update(
        subscription.id, {"pause_collection": {"behavior": behavior}}
    )
    assert paused.status == "active"
    standin.advance(days=31)
    assert invoices_of(client, subscription)[0].status == status
    resumed = client.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    assert resumed.pause_collection is None
    standin.advance(days=31)
    assert invoices_of(client, subscription)[0].status == "paid"


def test_deleting_a_customer_ends_its_subscriptions(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    assert client.v1.customers.delete(subscription.customer).deleted
    assert client.v1.customers.retrieve(subscription.customer).deleted
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert types_since(standin, 0)[-2:] == ["customer.subscription.deleted", "customer.deleted"]


def test_invoice_items_are_invoiced_by_hand(client: Any) -> None:
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    client.v1.invoice_items.create(
        {"customer": customer.id, "amount": 900, "currency": "usd", "description": "Hours"}
    )
    invoice = client.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    assert (invoice.status, invoice.total, invoice.amount_due) == ("draft", 900, 900)
    assert client.v1.invoices.finalize_invoice(invoice.id).status == "open"
    assert client.v1.invoices.pay(invoice.id).status == "paid"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.void_invoice(invoice.id)


def test_due_billing_with_the_clock_set_by_hand(standin: StandIn, client: Any) -> None:
    subscription = subscribe(client)
    standin.now = standin.now + 40 * DAY
    assert len(invoices_of(client, subscription)) == 1
    assert standin.bill_due() == 1
    assert len(invoices_of(client, subscription)) == 2
