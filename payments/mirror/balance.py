"""The shape of Stripe's own balance (https://docs.stripe.com/api/balance/balance_object)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from payments.mirror.observations import Observation
from payments.mirror.parsing import amount, currency, objects, part
from payments.mirror.specs import Fields, Spec
from payments.models import BalanceReading

Json = Mapping[str, Any]

# Where each balance stands, by the name that balance transactions give it (``balance_type``).
# Others, and what is reserved for connected accounts, Stripe's balance doesn't tell.
PAYMENTS = "payments"
ELSEWHERE = ("issuing", "refund_and_dispute_prefunding")
# What a whole balance is made of. ``instant_available`` is a part of these two.
STATES = ("available", "pending")


def parse_balance(obj: Json) -> Fields:
    told = {PAYMENTS: obj, **{name: part(obj, name) for name in ELSEWHERE if obj.get(name)}}
    return {"amounts": {name: by_currency(balance) for name, balance in told.items()}}


def by_currency(balance: Json) -> dict[str, dict[str, int]]:
    """What is available and pending in each currency."""
    found: dict[str, dict[str, int]] = {}
    for state in STATES:
        for entry in objects(balance, state):
            held = found.setdefault(currency(entry), dict.fromkeys(STATES, 0))
            held[state] += amount(entry, "amount")
    return found


def balance_facts(fields: Json, seen: Sequence[Observation]) -> Fields:
    """How much of the history was known is said by who read it, not by Stripe."""
    return {"whole_history": any(o.context.get("whole_history") is True for o in seen)}


SPECS = [Spec(model=BalanceReading, parse=parse_balance, facts=balance_facts)]
