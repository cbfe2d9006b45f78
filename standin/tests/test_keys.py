from __future__ import annotations

import base64
import http.client
from typing import Any

import pytest
import stripe

from standin import ApiError, StandIn

from .conftest import client_of


def test_restricted_key_does_what_its_scopes_say(standin: StandIn) -> None:
    standin.create_payment(5000)
    key = standin.add_key(
        "rk_test_reader", {"charge": "read", "payment_intent": "read", "refund": "write"}
    )
    client = client_of(standin, key)
    (charge,) = client.v1.charges.list().data
    with pytest.raises(stripe.PermissionError, match="rak_dispute_read") as caught:
        client.v1.disputes.list()
    assert caught.value.http_status == 403
    with pytest.raises(stripe.PermissionError, match="rak_charge_write"):
        client.v1.charges.update(charge.id, {"description": "x"})
    assert client.v1.refunds.create({"charge": charge.id}).status == "succeeded"
    assert client.v1.refunds.list().data


def test_refunds_share_the_scope_of_charges_unless_they_have_their_own(standin: StandIn) -> None:
    client = client_of(standin, standin.add_key("rk_test_x", {"charge": "read"}))
    assert client.v1.refunds.list().data == []
    with pytest.raises(stripe.PermissionError, match="rak_refund_write"):
        client.v1.refunds.create({"charge": "ch_1"})
    with pytest.raises(stripe.PermissionError, match="rak_accounts_kyc_basic_read"):
        client.v1.accounts.retrieve_current()


def test_star_scope_stands_for_every_other_resource(standin: StandIn) -> None:
    key = standin.add_key("rk_test_all", {"*": "read", "balance": "none"})
    client = client_of(standin, key)
    assert client.v1.payouts.list().data == []
    with pytest.raises(stripe.PermissionError, match="rak_balance_read"):
        client.v1.balance.retrieve()
    with pytest.raises(stripe.PermissionError, match="rak_customer_write"):
        client.v1.customers.create({})


def test_live_key_sees_live_objects_only(standin: StandIn, client: Any) -> None:
    live = client_of(standin, standin.live_secret_key)
    mine = live.v1.customers.create({})
    assert mine.livemode
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.retrieve(mine.id)


def test_revoked_key_is_401(standin: StandIn) -> None:
    key = standin.add_key("sk_test_other")
    client = client_of(standin, key)
    client.v1.customers.list()
    standin.revoke_key(key)
    with pytest.raises(stripe.AuthenticationError):
        client.v1.customers.list()


@pytest.mark.parametrize(("given", "status"), [("sk_test_standin", 200), ("sk_test_no", 401)])
def test_basic_authentication(standin: StandIn, given: str, status: int) -> None:
    token = base64.b64encode(f"{given}:".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", int(standin.url.rsplit(":", 1)[1]))
    connection.request("GET", "/v1/account", headers={"Authorization": f"Basic {token}"})
    assert connection.getresponse().status == status
    connection.close()


def test_keys_and_scopes_are_checked(standin: StandIn) -> None:
    with pytest.raises(ValueError, match="begins with"):
        standin.add_key("pk_test_x")
    with pytest.raises(ApiError):
        standin.add_key("rk_test_x", {"charge": "admin"})


def test_account_tells_who_it_is(client: Any) -> None:
    account = client.v1.accounts.retrieve_current()
    assert account.id.startswith("acct_")
    assert account.default_currency == "usd"
