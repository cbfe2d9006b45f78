"""The kinds of object that Stripe lists, and how each list is asked for so that it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Query = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A kind of object that can be listed; together the lists of ``queries`` hold them all."""

    name: str
    path: str
    queries: Mapping[str, Query] = field(default_factory=lambda: {"": {}})

    def lists(self) -> Iterator[tuple[str, Query]]:
        """Each list's name and its parameters."""
        for suffix, query in self.queries.items():
            yield f"{self.name}{suffix}", query


def _one(**query: Any) -> dict[str, Query]:
    return {"": query}


# What explains a payment (its session, its invoice) comes before the payment: they are processed in
# this order, and nobody has to ask where a payment came from. An invoice's payments come after it.
RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        Resource("customers", "/v1/customers"),
        Resource("products", "/v1/products"),
        # By default only active prices are listed: https://docs.stripe.com/api/prices/list
        Resource(
            "prices", "/v1/prices", {"": {"active": "true"}, ".inactive": {"active": "false"}}
        ),
        Resource("coupons", "/v1/coupons"),
        Resource(
            "subscriptions", "/v1/subscriptions", _one(status="all", expand=["data.discounts"])
        ),
        Resource("invoices", "/v1/invoices"),
        Resource("invoice_payments", "/v1/invoice_payments"),
        Resource("checkout_sessions", "/v1/checkout/sessions", _one(expand=["data.line_items"])),
        Resource("payment_intents", "/v1/payment_intents"),
        Resource("charges", "/v1/charges", _one(expand=["data.balance_transaction"])),
        Resource("refunds", "/v1/refunds", _one(expand=["data.balance_transaction"])),
        Resource("disputes", "/v1/disputes"),
        Resource("balance_transactions", "/v1/balance_transactions"),
        Resource("payouts", "/v1/payouts"),
        Resource("events", "/v1/events"),
    )
}
