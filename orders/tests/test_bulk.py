"""Doing one thing to many orders: confirm, do, report; each row by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.models import AuditEvent
from orders.admin.handling import FULFIL
from orders.admin.orders import OrderAdmin
from orders.models import Order, OrderTransition
from orders.services import canceling
from orders.tests.mirror import charge, intent, put
from orders.tests.test_admin import inline_code

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"


def choose(client: Client, action: str, orders: list[Order], **values: Any) -> Any:
    data = {"action": action, "_selected_action": [order.pk for order in orders], **values}
    return client.post(reverse(LIST), data)


def confirm(client: Client, action: str, rows: list[Any], reason: str = "parcels 1-2") -> Any:
    url = reverse(f"admin:orders_order_bulk_{action}")
    return client.post(url, {"row": rows, "reason": reason})


def results(response: Any) -> dict[str, tuple[str, str]]:
    assert response.status_code == 200
    return {
        outcome.row.number: (outcome.result, outcome.text)
        for outcome, _ in response.context["outcomes"]
    }


def done() -> Any:
    return AuditEvent.objects.exclude(action="permission.denied")


def state() -> tuple[Any, ...]:
    """What was done, but for the record of what was refused."""
    orders = Order.objects.order_by("pk").values_list("number", "status")
    return list(orders), OrderTransition.objects.count(), done().count()


@pytest.fixture
def second(shop_order: Any) -> Order:
    """Another paid order."""
    order: Order = shop_order("A-2")
    put(intent("pi_2", order="A-2"), charge("ch_2", payment_intent_id="pi_2"))
    return order


def test_choosing_shows_what_would_be_done_and_does_nothing(as_operator, paid, second, shop_order):
    pending = shop_order("A-3")
    before = state()
    page = choose(as_operator, "fulfil", [paid, second, pending])
    html = page.content.decode()
    assert page.status_code == 200
    assert "2 paid orders sent" in html
    assert "3 chosen, of which 2 can be done" in html
    for order in (paid, second, pending):
        assert f'<input type="hidden" name="row" value="{order.pk}">' in html
    assert "csrfmiddlewaretoken" in html
    assert inline_code(html) == []
    assert state() == before


def test_each_row_is_done_or_skipped_and_the_report_says_why(
    as_operator, operator, paid, second, shop_order
):
    pending = shop_order("A-3")
    report = confirm(as_operator, "fulfil", [paid.pk, second.pk, pending.pk])
    told = results(report)
    assert {number: result for number, (result, _) in told.items()} == {
        "A-1": "done",
        "A-2": "done",
        "A-3": "skipped",
    }
    assert "pending" in told["A-3"][1]
    html = report.content.decode()
    assert "2 done, 1 skipped." in html
    assert f'href="{paid.get_absolute_url()}"' in html
    assert inline_code(html) == []
    moves = OrderTransition.objects.filter(to_status="fulfilled")
    assert {(move.actor, move.reason) for move in moves} == {(operator, "parcels 1-2")}


def test_sent_twice_it_is_done_once(as_operator, paid, second):
    confirm(as_operator, "fulfil", [paid.pk, second.pk, second.pk])
    after = state()
    again = confirm(as_operator, "fulfil", [paid.pk, second.pk])
    assert {result for result, _ in results(again).values()} == {"skipped"}
    assert state() == after


def test_without_a_reason_nothing_is_done(as_operator, paid, second):
    before = state()
    page = confirm(as_operator, "fulfil", [paid.pk, second.pk], reason=" ")
    assert "Nothing was done" in page.content.decode()
    assert f'name="row" value="{second.pk}"' in page.content.decode()
    assert state() == before


def test_what_goes_wrong_for_one_keeps_nobody_else_from_their_turn(
    as_operator, shop_order, monkeypatch
):
    first, other = shop_order("A-1"), shop_order("A-2")
    real = canceling.call_off

    def fails(order_id: int, **values: Any) -> Order:
        if order_id == first.pk:
            raise RuntimeError("out of luck")
        return real(order_id, **values)

    monkeypatch.setattr(canceling, "call_off", fails)
    told = results(confirm(as_operator, "cancel", [first.pk, other.pk]))
    assert (told["A-1"][0], told["A-2"][0]) == ("failed", "done")


def test_more_than_the_most_are_refused(as_operator, paid, second, monkeypatch):
    before = state()
    url = reverse("admin:orders_order_bulk_fulfil")
    page = as_operator.post(url, {"row": range(501), "reason": "x"}, follow=True)
    assert "choose 500 rows at most" in page.content.decode()
    assert FULFIL.bulk
    few = replace(FULFIL, bulk=replace(FULFIL.bulk, most=1))
    monkeypatch.setattr(OrderAdmin, "acts", (few,))
    page = as_operator.post(
        reverse(LIST),
        {"action": "fulfil", "_selected_action": [paid.pk], "select_across": "1"},
        follow=True,
    )
    assert "choose 1 row at most" in page.content.decode()
    assert state() == before


@pytest.mark.parametrize("rows", [[], ["x"], ["999999"], ["1" * 30]])
def test_rows_that_arent_there_change_nothing(as_operator, paid, rows):
    before = state()
    page = as_operator.post(
        reverse("admin:orders_order_bulk_fulfil"), {"row": rows, "reason": "x"}, follow=True
    )
    assert page.status_code == 200
    assert state() == before


def test_looking_at_the_address_leads_to_the_list(as_operator, paid):
    response = as_operator.get(reverse("admin:orders_order_bulk_fulfil"))
    assert response.url == reverse(LIST)


@pytest.mark.parametrize("action", ["fulfil", "cancel"])
def test_who_may_only_look_may_not_act_on_many(as_auditor, paid, action):
    before = state()
    assert confirm(as_auditor, action, [paid.pk]).status_code == 403
    choose(as_auditor, action, [paid])
    offered = as_auditor.get(reverse(LIST)).context["action_form"]
    assert offered is None or action not in dict(offered.fields["action"].choices)
    assert state() == before
