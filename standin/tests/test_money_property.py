"""Whatever happens, the money adds up."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standin import ApiError, StandIn

CURRENCIES = ("usd", "eur", "gbp", "jpy", "kwd", "isk", "ugx")
ACTIONS = (
    "finish",
    "capture",
    "cancel",
    "fail_refund",
    "cancel_refund",
    "succeed_refund",
    "settle",
    "dispute",
    "won",
    "lost",
    "appeal",
    "payout",
    "fail_payout",
    "day",
)
STEP = {"kwd": 10, "isk": 100, "ugx": 100}

payments = st.tuples(
    st.just("pay"),
    st.sampled_from(CURRENCIES),
    st.integers(1, 5_000),
    st.sampled_from(
        ["pm_card_visa", "pm_card_chargeDeclined", "pm_sepa", "pm_card_createDispute", "manual"]
    ),
)
refunds = st.tuples(
    st.just("refund"),
    st.integers(0, 30),
    st.integers(1, 5_000),
    st.sampled_from(["succeed", "pending", "fail_later", "insufficient_funds", "requires_action"]),
)
others = st.tuples(
    st.sampled_from(ACTIONS),
    st.integers(0, 30),
)


def pick(objects: list[dict[str, Any]], number: int) -> dict[str, Any]:
    if not objects:
        raise ApiError(404, "There is none.")
    return objects[number % len(objects)]


def listed(standin: StandIn, path: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = standin.api("GET", path, {"limit": 100})["data"]
    return data


def perform(standin: StandIn, step: tuple[Any, ...]) -> None:
    action, *arguments = step
    if action == "pay":
        currency, amount, method = arguments
        amount *= STEP.get(currency, 1)
        capture = "manual" if method == "manual" else "automatic"
        token = "pm_card_visa" if method == "manual" else method
        standin.create_payment(amount, currency, payment_method=token, capture_method=capture)
        return
    number = arguments[0]
    if action == "refund":
        charge = pick(listed(standin, "/v1/charges"), number)
        standin.api(
            "POST",
            "/v1/refunds",
            {
                "charge": charge["id"],
                "amount": arguments[1] * STEP.get(charge["currency"], 1),
                "metadata": {"standin": arguments[2]},
            },
        )
    elif action in ("finish", "capture", "cancel"):
        intent = pick(listed(standin, "/v1/payment_intents"), number)
        if action == "finish":
            standin.finish_payment(intent["id"], succeeds=number % 3 > 0)
        else:
            half = intent["amount"] // 2
            half -= half % STEP.get(intent["currency"], 1)
            params = {"amount_to_capture": half} if action == "capture" else {}
            standin.api("POST", f"/v1/payment_intents/{intent['id']}/{action}", params)
    elif action.endswith("_refund"):
        refund = pick(listed(standin, "/v1/refunds"), number)
        getattr(standin, action)(refund["id"])
    elif action == "settle":
        standin.settle_refunds()
    elif action == "dispute":
        standin.create_dispute(pick(listed(standin, "/v1/charges"), number)["id"])
    elif action in ("won", "lost"):
        dispute = pick(listed(standin, "/v1/disputes"), number)
        standin.resolve_dispute(dispute["id"], action, return_fee=number % 2 == 0)
    elif action == "appeal":
        standin.appeal_dispute(pick(listed(standin, "/v1/disputes"), number)["id"])
    elif action == "payout":
        standin.payout_now(("usd", "eur", "jpy")[number % 3])
    elif action == "fail_payout":
        standin.move_payout(pick(listed(standin, "/v1/payouts"), number)["id"], "failed")
    else:
        standin.advance(days=1)


def check(standin: StandIn) -> None:
    nets: dict[str, int] = {}
    for transaction in listed(standin, "/v1/balance_transactions"):
        assert transaction["net"] == transaction["amount"] - transaction["fee"]
        details = sum(entry["amount"] for entry in transaction["fee_details"])
        assert details == transaction["fee"]
        currency = transaction["currency"]
        nets[currency] = nets.get(currency, 0) + transaction["net"]
    balance = standin.api("GET", "/v1/balance")
    totals = {entry["currency"]: entry["amount"] for entry in balance["available"]}
    for entry in balance["pending"]:
        totals[entry["currency"]] = totals.get(entry["currency"], 0) + entry["amount"]
    assert {k: v for k, v in totals.items() if v} == {k: v for k, v in nets.items() if v}
    for charge in listed(standin, "/v1/charges"):
        refunds = listed(standin, f"/v1/charges/{charge['id']}/refunds")
        counted = [r["amount"] for r in refunds if r["status"] not in ("failed", "canceled")]
        assert charge["amount_refunded"] == sum(counted) <= charge["amount"]
        assert charge["refunded"] == (charge["amount_refunded"] == charge["amount"])
        assert charge["captured"] == (charge["balance_transaction"] is not None)
    for payout in listed(standin, "/v1/payouts"):
        held = standin.api(
            "GET", "/v1/balance_transactions", {"payout": payout["id"], "limit": 100}
        )
        assert sum(entry["net"] for entry in held["data"]) == 0


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(st.one_of(payments, payments, refunds, others), max_size=30))
def test_money_adds_up_whatever_happens(steps: list[tuple[Any, ...]]) -> None:
    standin = StandIn(now=1_790_000_000, settlement=("usd", "eur", "jpy"))
    for step in steps:
        before = standin.cursor
        try:
            perform(standin, step)
        except ApiError:
            assert standin.cursor == before, "a refused operation makes no event"
    check(standin)
