"""Refunds asked for in the admin, of a Stripe that answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from orders.models import Order, Product, RefundedLine
from orders.services.creation import NewLine
from orders.services.handling import fulfil_order
from orders.services.refunding import refund_order
from orders.tests.conftest import MakeOrder
from payments import inbox, processing, tasks
from payments.models import Refund, RefundRequest, Source
from payments.refund_requests import RefundImpossible
from standin import StandIn

pytestmark = pytest.mark.django_db


def act(client: Client, order: Order, name: str, **values: Any) -> Any:
    return client.post(reverse(f"admin:orders_order_{name}", args=[order.pk]), values)


@pytest.fixture
def stripe(settings: Settings) -> Iterator[StandIn]:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        settings.STRIPE_REQUESTS_PER_SECOND = 10_000
        yield serving


@pytest.fixture
def bought(shop_order: MakeOrder, stripe: StandIn) -> Order:
    """An order of 50.00 USD that was paid at the stand-in."""
    order = shop_order("B-1", total_minor=5000)
    stripe.create_payment(5000, metadata={"order": "B-1"})
    hear(stripe)
    order.refresh_from_db()
    assert order.status == "paid"
    return order


def hear(stripe: StandIn) -> None:
    inbox.store(stripe.events_since(0), Source.WEBHOOK)
    processing.drain()


def refund_form(client: Client, order: Order, **values: str) -> dict[str, str]:
    form = client.get(reverse("admin:orders_order_refund", args=[order.pk])).context["form"]
    return {
        "charge": next(iter(form.charges)),
        "amount": form["amount"].value(),
        "reason": "arrived broken",
        "request": str(form["request"].value()),
        **values,
    }


def refunds_at(stripe: StandIn) -> list[Any]:
    return list(stripe.api("GET", "/v1/refunds", {})["data"])


def test_a_refund_asked_for_here_is_made_at_stripe_and_comes_back(as_operator, bought, stripe):
    response = act(
        as_operator, bought, "refund", **refund_form(as_operator, bought, amount="12.50")
    )
    assert response.status_code == 302
    hear(stripe)
    bought.refresh_from_db()
    assert (bought.status, bought.refunded_minor, bought.refund_status) == ("paid", 1250, "partial")
    assert [made["amount"] for made in refunds_at(stripe)] == [1250]
    asked = AuditEvent.objects.get(action="order.refund_asked")
    assert (asked.actor_name, asked.reason, asked.after["amount"]) == (
        "olive",
        "arrived broken",
        1250,
    )
    left = refund_form(as_operator, bought)
    assert left["amount"] == "37.50"


def test_the_whole_amount_is_proposed_and_cancels_the_order(as_operator, bought, stripe):
    form = refund_form(as_operator, bought)
    assert form["amount"] == "50.00"
    act(as_operator, bought, "refund", **form)
    bought.refresh_from_db()
    assert (bought.status, bought.refund_status) == ("canceled", "full")


def test_a_form_that_is_sent_twice_makes_one_refund(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="10")
    act(as_operator, bought, "refund", **form)
    act(as_operator, bought, "refund", **form)
    assert [made["amount"] for made in refunds_at(stripe)] == [1000]


@pytest.mark.parametrize("name", ["refund", "refund_lines", "refund_all"])
def test_a_form_that_is_sent_twice_is_told_what_came_of_it(as_operator, mugs, stripe, name):
    """Whoever clicks twice sees the second answer: it mustn't say that nothing was done."""
    form = refund_form(as_operator, mugs)
    if name == "refund_lines":
        form |= {f"line_{line.pk}_0": str(line.quantity) for line in mugs.lines.all()}
    first = act(as_operator, mugs, name, **form)
    second = act(as_operator, mugs, name, **form)
    assert second.status_code == first.status_code == 302
    told = messages_of(first)[-1]
    assert messages_of(second)[-1] == f"This form was sent before; nothing more was asked. {told}"
    assert len(refunds_at(stripe)) == 1


def test_a_form_that_came_to_nothing_can_be_sent_again(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="20")
    stripe.add_fault(400, method="POST", path="/v1/refunds")
    act(as_operator, bought, "refund", **form)
    assert RefundRequest.objects.get().status == "refused"
    again = act(as_operator, bought, "refund", **form)
    assert "Nothing was done" in again.content.decode()


def test_a_form_of_another_order_tells_nothing(as_operator, bought, shop_order, stripe):
    form = refund_form(as_operator, bought, amount="20")
    act(as_operator, bought, "refund", **form)
    other = act(as_operator, shop_order("B-2"), "refund", **form)
    assert messages_of(other)[-1] == "Refund an amount: not possible for B-2 as it is now."


@pytest.mark.parametrize("amount", ["50.01", "0", "-1", "1.234", "ten", ""])
def test_an_amount_that_cant_be_refunded_never_reaches_stripe(as_operator, bought, stripe, amount):
    response = act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount=amount))
    assert response.status_code == 200
    assert "Nothing was done" in response.content.decode()
    assert refunds_at(stripe) == []
    assert not AuditEvent.objects.filter(action="order.refund_asked").exists()


def test_what_stripe_refuses_is_said_and_the_next_try_is_another_wish(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="20")
    stripe.api("POST", "/v1/refunds", {"charge": form["charge"], "amount": 4000})
    response = act(as_operator, bought, "refund", **form)
    assert response.status_code == 200
    assert "Nothing was done" in response.content.decode()
    assert response.context["form"].non_field_errors()
    assert response.context["form"]["request"].value() != form["request"]
    assert len(refunds_at(stripe)) == 1


def test_a_pending_refund_lessens_what_is_left_but_not_yet_the_order(as_operator, bought, stripe):
    stripe.next_refund("pending")
    act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="20"))
    bought.refresh_from_db()
    assert (bought.refunded_minor, Refund.objects.get().status) == (0, "pending")
    assert refund_form(as_operator, bought)["amount"] == "30.00"


def test_the_charge_of_another_order_isnt_refunded(bought, shop_order, stripe):
    other = shop_order("B-2")
    with pytest.raises(RefundImpossible):
        refund_order(
            other.pk,
            charge_id=bought.payments.get().payment,
            amount=1,
            reason="x",
            request=uuid4(),
        )
    assert refunds_at(stripe) == []


def test_without_a_key_the_form_says_so(as_operator, paid, settings):
    settings.STRIPE_API_KEY = ""
    response = act(as_operator, paid, "refund", **refund_form(as_operator, paid))
    assert response.status_code == 200
    assert response.context["form"].non_field_errors()


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.wsgi_request._messages]


def test_when_stripe_doesnt_answer_it_is_recorded_and_sent_later(as_operator, bought, stripe):
    stripe.add_fault(503, method="POST", path="/v1/refunds")
    form = refund_form(as_operator, bought, amount="20")
    response = act(as_operator, bought, "refund", **form)
    assert response.status_code == 302
    assert "recorded; Stripe hasn’t answered and is asked again" in messages_of(response)[0]
    assert RefundRequest.objects.get().status == "unknown"
    assert refund_form(as_operator, bought)["amount"] == "30.00"
    # The impatient send it again, and nothing comes of that.
    act(as_operator, bought, "refund", **form)
    RefundRequest.objects.update(next_at=timezone.now())
    tasks.send_refunds()
    assert [made["amount"] for made in refunds_at(stripe)] == [2000]
    bought.refresh_from_db()
    assert bought.refunded_minor == 2000


def test_too_much_is_refused_with_the_reason_and_recorded_nowhere(as_operator, bought, stripe):
    stripe.create_dispute(bought.payments.get().payment, amount=2000)
    hear(stripe)
    response = act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="40"))
    assert "20.00 USD disputed" in response.content.decode()
    assert not RefundRequest.objects.exists()


def test_a_refund_in_full_takes_all_that_is_left_and_says_what_it_does(as_operator, bought, stripe):
    act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="10"))
    page = as_operator.get(reverse("admin:orders_order_refund_all", args=[bought.pk]))
    text = page.content.decode()
    assert "Refunds all that is left: 40.00 USD" in text
    assert "cancels it and restocks its lines" in text
    wish = str(page.context["form"]["request"].value())
    for _ in range(2):
        response = act(as_operator, bought, "refund_all", reason="out of stock", request=wish)
    assert response.status_code == 302
    bought.refresh_from_db()
    assert (bought.status, bought.refund_status) == ("canceled", "full")
    assert [made["amount"] for made in refunds_at(stripe)] == [4000, 1000]


def test_stripes_reason_goes_to_stripe_as_its_own_word(as_operator, bought, stripe):
    form = refund_form(as_operator, bought, amount="10", stripe_reason="duplicate")
    act(as_operator, bought, "refund", **form)
    [made] = refunds_at(stripe)
    assert (made["reason"], made["metadata"]["reason"]) == ("duplicate", "arrived broken")


# Many at once


def choose(client: Client, *orders: Order) -> Any:
    data = {"action": "refund_all", "_selected_action": [order.pk for order in orders]}
    return client.post(reverse("admin:orders_order_changelist"), data)


def test_many_orders_are_refunded_in_full_with_a_report(as_operator, bought, stripe, shop_order):
    unpaid, away = shop_order("B-2"), shop_order("B-3", total_minor=700)
    stripe.create_payment(700, metadata={"order": "B-3"})
    hear(stripe)
    page = choose(as_operator, bought, unpaid, away)
    assert "All that is left of 2 paid orders goes back" in page.content.decode()
    assert not RefundRequest.objects.exists()
    sent = {
        "row": [bought.pk, unpaid.pk, away.pk],
        "reason": "recall",
        "stripe_reason": "requested_by_customer",
        "request": str(page.context["form"]["request"].value()),
    }
    url = reverse("admin:orders_order_bulk_refund_all")
    assert "Nothing was done" in as_operator.post(url, {**sent, "reason": ""}).content.decode()
    assert not RefundRequest.objects.exists()
    # Orders come newest first: B-3's refund is the second that Stripe is asked for, or the first.
    stripe.add_fault(503, method="POST", path="/v1/refunds")
    for _ in range(2):  # sent twice, it is done once
        outcomes = as_operator.post(url, sent).context["outcomes"]
        found = {outcome.row.number: (outcome.result, outcome.text) for outcome, _ in outcomes}
        assert found["B-2"] == ("skipped", "nothing was captured for it")
        assert sorted([found["B-1"][0], found["B-3"][0]]) == ["done", "not known"]
    assert len(refunds_at(stripe)) == 1
    RefundRequest.objects.filter(status="unknown").update(next_at=timezone.now())
    tasks.send_refunds()
    assert sorted(made["amount"] for made in refunds_at(stripe)) == [700, 5000]
    assert {made["reason"] for made in refunds_at(stripe)} == {"requested_by_customer"}
    assert {*Order.objects.values_list("number", "status")} == {
        ("B-1", "canceled"),
        ("B-2", "pending"),
        ("B-3", "canceled"),
    }


def test_who_may_not_refund_has_no_such_action(as_auditor, bought, stripe):
    url = reverse("admin:orders_order_bulk_refund_all")
    response = as_auditor.post(url, {"row": [bought.pk], "reason": "x", "request": str(uuid4())})
    assert response.status_code == 403
    assert not RefundRequest.objects.exists()


# By lines


@pytest.fixture
def mugs(shop_order: MakeOrder, mug: Product, stripe: StandIn) -> Order:
    """Three mugs for 10.00 USD, one in stock is left of four; and wrapping for 2.00 USD."""
    Product.objects.update(stock=4)
    order = shop_order(
        "M-1",
        total_minor=1200,
        lines=[NewLine("A mug", 3, 1000, sku="MUG"), NewLine("Wrapping", 1, 200)],
    )
    stripe.create_payment(1200, metadata={"order": "M-1"})
    hear(stripe)
    order.refresh_from_db()
    mug.refresh_from_db()
    assert (order.status, mug.stock) == ("paid", 1)
    return order


def lines_form(client: Client, order: Order, *wanted: tuple[int, bool], **values: str) -> Any:
    form = client.get(reverse("admin:orders_order_refund_lines", args=[order.pk])).context["form"]
    data = {
        "charge": next(iter(form.charges)),
        "reason": "came back",
        "request": str(form["request"].value()),
        **values,
    }
    for name, (quantity, restock) in zip(form.lines, wanted, strict=True):
        data[f"{name}_0"] = str(quantity)
        if restock:
            data[f"{name}_1"] = "on"
    return data


def test_lines_propose_their_price_which_can_be_changed(as_operator, mugs, mug, stripe):
    data = lines_form(as_operator, mugs, (2, True), (1, False))
    response = act(as_operator, mugs, "refund_lines", **data)
    assert response.status_code == 200
    assert "The lines come to 8.66 USD" in response.content.decode()
    assert response.context["form"]["amount"].value() == "8.66"
    assert response.context["form"]["request"].value() == data["request"]
    assert not RefundRequest.objects.exists()

    act(as_operator, mugs, "refund_lines", **data, amount="8.00")
    assert [made["amount"] for made in refunds_at(stripe)] == [800]
    rows = RefundedLine.objects.order_by("line__position")
    assert [(row.quantity, row.amount_minor, row.restocked) for row in rows] == [
        (2, 615, 2),
        (1, 185, 0),
    ]
    mugs.refresh_from_db()
    mug.refresh_from_db()
    assert (mugs.status, mugs.refunded_minor, mug.stock) == ("paid", 800, 3)
    line = mugs.lines.get(position=1)
    assert (line.taken, line.returned) == (1, 2)
    told = AuditEvent.objects.get(action="order.restocked")
    assert told.after["lines"][0]["quantity"] == 2


def test_without_a_quantity_nothing_is_refunded(as_operator, mugs, stripe):
    data = lines_form(as_operator, mugs, (0, True), (0, False), amount="1")
    response = act(as_operator, mugs, "refund_lines", **data)
    assert "Say how many of which line" in response.content.decode()
    assert not RefundRequest.objects.exists()


def test_more_units_than_there_are_are_refused(as_operator, mugs, stripe):
    data = lines_form(as_operator, mugs, (4, False), (0, False), amount="1")
    assert act(as_operator, mugs, "refund_lines", **data).status_code == 200
    assert not RefundRequest.objects.exists()


def test_goods_that_come_back_after_the_refund_are_restocked_by_themselves(
    as_operator, mugs, mug, stripe
):
    fulfil_order(mugs.pk, reason="sent")
    act(as_operator, mugs, "refund", **refund_form(as_operator, mugs))
    page = as_operator.get(reverse("admin:orders_order_restock", args=[mugs.pk]))
    form = page.context["form"]
    line = mugs.lines.get(position=1)
    data = {f"line_{line.pk}": "1", f"seen_{line.pk}": "3", "reason": "came by post"}
    assert form[f"seen_{line.pk}"].value() == 3
    assert act(as_operator, mugs, "restock", **data).status_code == 302
    # Sent twice, it is done once.
    assert "has changed meanwhile" in act(as_operator, mugs, "restock", **data).content.decode()
    line.refresh_from_db()
    mug.refresh_from_db()
    mugs.refresh_from_db()
    assert (line.taken, line.returned, mug.stock) == (2, 1, 2)
    assert (mugs.status, mugs.refund_status) == ("fulfilled", "full")
    told = AuditEvent.objects.get(action="order.restocked")
    assert (told.actor_name, told.reason) == ("olive", "came by post")


@pytest.mark.parametrize("name", ["refund_all", "refund", "refund_lines", "restock"])
def test_who_may_not_refund_changes_nothing(as_auditor, mugs, stripe, name):
    response = as_auditor.post(reverse(f"admin:orders_order_{name}", args=[mugs.pk]), {})
    assert response.status_code == 403
    assert not RefundRequest.objects.exists()


def test_the_page_shows_what_was_asked_and_what_became_of_it(as_operator, bought, stripe):
    stripe.next_refund("insufficient_funds")
    act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="10"))
    stripe.add_fault(503, method="POST", path="/v1/refunds")
    act(as_operator, bought, "refund", **refund_form(as_operator, bought, amount="5"))
    text = as_operator.get(reverse("admin:orders_order_change", args=[bought.pk])).content.decode()
    assert "pending (insufficient funds)" in text
    assert "asked, outcome unknown" in text
    stripe.settle_refunds()
    hear(stripe)
    text = as_operator.get(reverse("admin:orders_order_change", args=[bought.pk])).content.decode()
    assert "failed (insufficient funds)" in text
