"""All that an order's page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orders.models import Order, OrderLine
from orders.refunds import RefundStory, refund_story
from orders.timeline import Entry, Facts, facts_of, timeline
from payments.ledger import Settlement


@dataclass(frozen=True)
class OrderDetail:
    """An order with its lines, what happened to it (the newest first), and what of its money
    reached the balance, in the currencies that Stripe pays in."""

    order: Order
    lines: Sequence[OrderLine]
    facts: Facts
    entries: Sequence[Entry]
    refunds: Sequence[RefundStory]

    @property
    def settlement(self) -> Settlement:
        return self.facts.settlement


def order_detail(order: Order) -> OrderDetail:
    """What the order's page shows; a bounded number of statements."""
    facts = facts_of(order)
    return OrderDetail(
        order=order,
        lines=list(order.lines.select_related("product").order_by("position")),
        facts=facts,
        entries=timeline(facts),
        refunds=refund_story(facts.requests, facts.refunds),
    )
