"""Balance transactions and the balance they add up to."""

from __future__ import annotations

import heapq
from decimal import Decimal
from typing import Any

from .clock import DAY, start_of_day
from .currencies import minor_rate, rounded
from .errors import Obj
from .world import World


def settlement_currency(world: World, currency: str) -> str:
    """The currency in which money of ``currency`` reaches the balance."""
    settles = world.settings.settlement
    return currency if currency in settles else settles[0]


def convert(world: World, amount: int, source: str, target: str) -> tuple[int, float | None]:
    """``amount`` in minor units of ``target``, and Stripe's ``exchange_rate`` if money changed."""
    if source == target:
        return amount, None
    rate = minor_rate(source, target, world.settings.rates)
    return rounded(amount * rate, target), float(rate)


def processing_fee(world: World, amount: int, currency: str) -> int:
    """Stripe's fee on a charge, in its settlement currency: 2.9 % + 30 unless set otherwise."""
    settings = world.settings
    exact = Decimal(amount) * Decimal(settings.fee_percent) / 100 + settings.fee_fixed
    target = settlement_currency(world, currency)
    if target != currency:
        exact *= minor_rate(currency, target, settings.rates)
    return rounded(exact, target)


def dispute_fee(world: World, currency: str) -> int:
    """The fee of a dispute, in minor units of a settlement currency."""
    cents = Decimal(world.settings.dispute_fee_usd) * 100
    return rounded(cents * minor_rate("usd", currency, world.settings.rates), currency)


def add_transaction(
    world: World,
    *,
    type_: str,
    category: str,
    amount: int,
    currency: str,
    source: str | None,
    fee: int = 0,
    fee_label: str = "Stripe processing fees",
    description: str | None = None,
    exchange_rate: float | None = None,
    available_on: int | None = None,
) -> Obj:
    """A new balance transaction; ``amount`` and ``fee`` are in the settlement currency.

    ``net`` is ``amount - fee``; it counts as pending until ``available_on``.
    """
    now = world.now
    available = now if available_on is None else available_on
    details: list[Obj] = []
    if fee:
        details.append(
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": fee_label,
                "type": "stripe_fee",
            }
        )
    transaction: Obj = {
        "id": world.ids.new("txn_"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": description,
        "exchange_rate": exchange_rate,
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending" if available > now else "available",
        "type": type_,
    }
    world.add(transaction)
    totals = world.balances.setdefault(currency, {"available": 0, "pending": 0})
    totals[transaction["status"]] += transaction["net"]
    if transaction["status"] == "pending":
        heapq.heappush(world.maturing, (available, transaction["id"]))
    if type_ != "payout":
        # A dictionary and not a set: payouts take transactions in the order they came.
        world.unpaid.setdefault(currency, {})[transaction["id"]] = None
    return transaction


def settles_on(world: World) -> int:
    """When money that is charged now becomes available."""
    return start_of_day(world.now) + world.settings.settle_days * DAY


def mature(world: World) -> None:
    """Turn pending into available what has become so by now."""
    now = world.now
    transactions = world.of("balance_transaction").items
    while world.maturing and world.maturing[0][0] <= now:
        _, id_ = heapq.heappop(world.maturing)
        transaction = transactions[id_]
        transaction["status"] = "available"
        totals = world.balances[transaction["currency"]]
        totals["pending"] -= transaction["net"]
        totals["available"] += transaction["net"]


def balance(world: World) -> Obj:
    """``/v1/balance``: available and pending by currency."""
    mature(world)

    def part(name: str) -> list[Obj]:
        return [
            {
                "amount": totals[name],
                "currency": currency,
                "source_types": {"card": totals[name]},
            }
            for currency, totals in sorted(world.balances.items())
        ] or [
            {
                "amount": 0,
                "currency": world.settings.settlement[0],
                "source_types": {"card": 0},
            }
        ]

    return {
        "object": "balance",
        "available": part("available"),
        "livemode": world.livemode,
        "pending": part("pending"),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def totals_of(world: World, currency: str) -> dict[str, Any]:
    """The running totals of one currency, brought up to now."""
    mature(world)
    return world.balances.get(currency, {"available": 0, "pending": 0})
