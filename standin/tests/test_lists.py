from __future__ import annotations

from typing import Any

import pytest
import stripe

from standin import StandIn

from .conftest import paid


def test_lists_page_newest_first_both_ways(client: Any) -> None:
    made = [client.v1.customers.create({"name": str(n)}).id for n in range(7)]
    newest_first = made[::-1]
    first = client.v1.customers.list({"limit": 3})
    assert [entry.id for entry in first.data] == newest_first[:3]
    assert first.has_more
    second = client.v1.customers.list({"limit": 3, "starting_after": first.data[-1].id})
    assert [entry.id for entry in second.data] == newest_first[3:6]
    back = client.v1.customers.list({"limit": 2, "ending_before": second.data[-1].id})
    assert [entry.id for entry in back.data] == newest_first[3:5]
    everything = client.v1.customers.list({"limit": 2}).auto_paging_iter()
    assert [entry.id for entry in everything] == newest_first


@pytest.mark.parametrize("limit", [0, 101, "many"])
def test_limit_is_between_1_and_100(client: Any, limit: object) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.list({"limit": limit})
    assert caught.value.param == "limit"


def test_created_ranges(standin: StandIn, client: Any) -> None:
    start = standin.now
    for _ in range(4):
        client.v1.customers.create({})
        standin.advance(10)

    def count(**created: int) -> int:
        return len(client.v1.customers.list({"created": created}).data)

    assert count(gte=start + 10) == 3
    assert count(gt=start + 10) == 2
    assert count(lt=start + 10) == 1
    assert count(lte=start + 10) == 2
    assert count(gte=start + 10, lt=start + 30) == 2


def test_objects_made_in_the_past_are_sorted_in(standin: StandIn, client: Any) -> None:
    late = client.v1.customers.create({}).id
    standin.now = standin.now - 1000
    early = client.v1.customers.create({}).id
    assert [entry.id for entry in client.v1.customers.list().data] == [late, early]


def test_filters_by_linked_objects(standin: StandIn, client: Any) -> None:
    ada = client.v1.customers.create({"email": "ada@example.com"})
    mine, other = paid(client, customer=ada.id), paid(client)
    refund = client.v1.refunds.create({"payment_intent": mine.id, "amount": 100})
    client.v1.refunds.create({"payment_intent": other.id, "amount": 100})
    assert [c.id for c in client.v1.charges.list({"customer": ada.id}).data] == [mine.latest_charge]
    by_charge = client.v1.refunds.list({"charge": mine.latest_charge}).data
    assert [entry.id for entry in by_charge] == [refund.id]
    found = client.v1.balance_transactions.list({"source": refund.id}).data
    assert [entry.type for entry in found] == ["refund"]
    assert len(client.v1.balance_transactions.list({"type": "charge"}).data) == 2
    assert client.v1.customers.list({"email": "ada@example.com"}).data[0].id == ada.id
    assert client.v1.charges.list({"customer": "cus_nobody"}).data == []


def test_lists_expand_inside_their_data(client: Any) -> None:
    paid(client)
    (charge,) = client.v1.charges.list({"expand": ["data.balance_transaction"]}).data
    assert charge.balance_transaction.net == 4825
    (transaction,) = client.v1.balance_transactions.list(
        {"expand": ["data.source.payment_intent"]}
    ).data
    assert transaction.source.payment_intent.status == "succeeded"


def test_payment_methods_expand_from_their_token(client: Any) -> None:
    intent = paid(client, expand=["payment_method"])
    assert (intent.payment_method.type, intent.payment_method.card.last4) == ("card", "4242")


def test_what_can_not_be_expanded_is_refused(client: Any) -> None:
    paid(client)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.charges.list({"expand": ["data.amount"]})


def test_unknown_filter_and_cursor_are_refused(client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.list({"customer": "cus_1"})
    assert caught.value.code == "parameter_unknown"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.list({"starting_after": "re_nope"})
    assert (caught.value.http_status, caught.value.code) == (400, "resource_missing")


def test_events_are_listed_by_type_and_for_30_days(standin: StandIn, client: Any) -> None:
    paid(client)
    client.v1.customers.create({})
    (event,) = client.v1.events.list({"type": "charge.succeeded"}).data
    assert client.v1.events.retrieve(event.id).type == "charge.succeeded"
    wanted = ["customer.created", "charge.succeeded"]
    listed = client.v1.events.list({"types": wanted}).data
    assert [entry.type for entry in listed] == wanted
    assert len(client.v1.events.list({"type": "payment_intent.*"}).data) == 2
    standin.advance(days=31)
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.events.retrieve(event.id)
    assert caught.value.http_status == 404
    assert len(standin.events_since(0)) == 4
