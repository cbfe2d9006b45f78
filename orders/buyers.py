"""What a customer bought, gave back and is worth: queries of the list and the page of customers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Min, QuerySet, Sum

from orders.models import Customer, Order, OrderPayment
from payments.models import Charge, CountedRefund, Dispute, Refund, Subscription

SHOWN = 50


@dataclass(frozen=True)
class Bought:
    """How many orders a customer has, and when the last one was placed."""

    orders: int
    last_at: datetime


@dataclass(frozen=True)
class Worth:
    """What a customer is worth in one currency, in its minor units: ``net`` is what was captured
    less what was refunded and stayed refunded, tax and shipping included."""

    currency: str
    payments: int
    captured: int
    refunded: int

    @property
    def net(self) -> int:
        return self.captured - self.refunded


@dataclass(frozen=True)
class CustomerDetail:
    """A customer as one: Stripe's and the guests that it is. The newest ``SHOWN`` of each kind and
    one more, where there are more."""

    customer: Customer
    guests: Sequence[Customer]
    namesakes: Sequence[Customer]
    bought: Bought | None
    first_at: datetime | None
    worth: Sequence[Worth]
    orders: Sequence[Order]
    subscriptions: Sequence[Subscription]
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]


def customers() -> QuerySet[Customer]:
    """One row a customer: guests that are one of Stripe's customers are left out."""
    return Customer.objects.filter(same_as__isnull=True)


def bought_by(ids: Collection[int]) -> dict[int, Bought]:
    """What these customers bought, with what they bought as guests; two statements."""
    guests = Customer.objects.filter(same_as__in=ids).order_by().values_list("pk", "same_as")
    owner = {pk: pk for pk in ids} | {pk: int(known) for pk, known in guests if known}
    rows = (
        Order.objects.filter(customer__in=list(owner))
        .order_by()
        .values_list("customer")
        .annotate(orders=Count("pk"), last_at=Max("placed_at"))
    )
    found: dict[int, Bought] = {}
    for pk, orders, last_at in rows:
        known = found.get(owner[pk], Bought(0, last_at))
        found[owner[pk]] = Bought(known.orders + orders, max(known.last_at, last_at))
    return found


def charges_of_customer(customer: Customer, ids: Sequence[int]) -> QuerySet[Any]:
    """The ids of the charges that Stripe's customer paid, or that paid an order of one of ``ids``:
    subscriptions are in it, and payments that belong to no order."""
    links = OrderPayment.objects.filter(order__customer__in=ids).order_by()
    found = Charge.objects.filter(payment__in=links.values_list("payment")).order_by()
    if not customer.stripe_customer_id:
        return found.values("pk")
    theirs = Charge.objects.filter(customer=customer.stripe_customer_id).order_by()
    return theirs.values("pk").union(found.values("pk"))


def worth_of(charges: QuerySet[Any]) -> list[Worth]:
    """What these charges came to, by currency; two statements.

    A charge that failed after all brought nothing; a refund that failed took nothing.
    """
    captured = (
        Charge.objects.filter(pk__in=charges, captured_at__isnull=False)
        .exclude(status="failed")
        .order_by("currency")
        .values_list("currency")
        .annotate(payments=Count("payment", distinct=True), captured=Sum("amount_captured"))
    )
    back = (
        CountedRefund.objects.filter(charge_id__in=charges, returned_at__isnull=True)
        .order_by()
        .values_list("currency")
        .annotate(refunded=Sum("amount"))
    )
    sums = {currency: (payments, int(total)) for currency, payments, total in captured}
    refunded = {currency: int(total) for currency, total in back}
    return [
        Worth(currency, *sums.get(currency, (0, 0)), refunded.get(currency, 0))
        for currency in sorted({*sums, *refunded})
    ]


def customer_detail(customer: Customer) -> CustomerDetail:
    """What the customer's page shows; nine statements at the most."""
    guests = list(Customer.objects.filter(same_as=customer).order_by("pk"))
    ids = [customer.pk, *(guest.pk for guest in guests)]
    orders = Order.objects.filter(customer__in=ids)
    times = orders.order_by().aggregate(
        orders=Count("pk"), first_at=Min("placed_at"), last_at=Max("placed_at")
    )
    charges = charges_of_customer(customer, ids)
    stripe_id = customer.stripe_customer_id
    theirs = Subscription.objects.filter(customer=stripe_id) if stripe_id else None
    return CustomerDetail(
        customer=customer,
        guests=guests,
        namesakes=namesakes_of(customer),
        bought=Bought(times["orders"], times["last_at"]) if times["orders"] else None,
        first_at=times["first_at"],
        worth=worth_of(charges),
        orders=list(orders.order_by("-placed_at", "-id")[: SHOWN + 1]),
        subscriptions=[] if theirs is None else list(theirs[: SHOWN + 1]),
        refunds=list(Refund.objects.filter(charge__in=charges)[: SHOWN + 1]),
        disputes=list(Dispute.objects.filter(charge__in=charges)[: SHOWN + 1]),
    )


def namesakes_of(customer: Customer) -> list[Customer]:
    """The other customers with the same address, whom nobody can tell to be the same person."""
    if not customer.email:
        return []
    same = customers().filter(email=customer.email).exclude(pk=customer.pk)
    return list(same.order_by(F("stripe_customer").asc(nulls_first=True))[:SHOWN])
