"""Which buyers, orders and objects of Stripe's are a person's."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q

from orders.models import Customer, Order, OrderPayment
from orders.services.locking import lock_addresses, lock_customers, lock_orders, lock_payments
from payments.erasure import Objects, customer_of, customers_with, keys, objects_of, with_address
from payments.erasure import hold as hold_objects
from payments.models import Customer as StripeCustomer
from payments.pseudonyms import is_pseudonym, pseudonym


class NobodyKnown(LookupError):
    """No customer is known by that."""


@dataclass(frozen=True)
class Identity:
    """Who a person is: ids of Stripe's customers, and addresses in lower case that are no other
    customer's of Stripe."""

    customers: frozenset[str]
    addresses: frozenset[str]


def identity(who: str) -> Identity:
    """Who is meant by an address, the id of a customer of Stripe's, or the key of one of ours.

    Of an address that nobody has that address alone is returned.

    Raises:
        NobodyKnown: there is no such id.
    """
    who = who.strip()
    if "@" in who:
        addresses = plain([who])
        ours = keys(with_address(Customer, "email", addresses), "stripe_customer_id")
        return Identity(customers_with(addresses) | ours, addresses)
    by = Q(pk=int(who)) if who.isdecimal() and len(who) < 19 else Q(stripe_customer=who)
    rows = Customer.objects.filter(by)
    customers = keys(rows, "stripe_customer_id") | keys(rows, "same_as__stripe_customer_id")
    customers |= customer_of(who)
    addresses = plain(
        [*keys(rows, "email"), *keys(StripeCustomer.objects.filter(pk__in=customers), "email")]
    )
    if not customers and not addresses:
        raise NobodyKnown(f"no customer is known by {who}")
    others = {address for address in addresses if customers_with([address]) - customers}
    return Identity(customers, addresses - others)


def hold(who: Identity, objects: Objects, events: Collection[int]) -> None:
    """Take every lock that erasing these needs, in everybody's order, until the transaction ends;
    whoever changes them meanwhile waits, and is waited for."""
    hold_objects(objects, events)
    lock_payments(objects["payments.charge"] | objects["payments.paymentintent"])
    lock_customers(who.customers)
    lock_addresses({*who.addresses, *map(pseudonym, who.addresses)})
    lock_orders(objects["orders.order"])


def plain(addresses: Iterable[str]) -> frozenset[str]:
    """The addresses in lower case, without those that stand for erased ones."""
    lower = {address.strip().lower() for address in addresses}
    return frozenset(one for one in lower if one and not is_pseudonym(one))


def everything_of(who: Identity) -> Objects:
    """The keys of all that is theirs, by the label of its model: of orders and of Stripe's."""
    buyers = keys(
        Customer.objects.filter(
            Q(stripe_customer__in=who.customers)
            | Q(same_as__stripe_customer__in=who.customers)
            | Q(
                stripe_customer__isnull=True,
                pk__in=keys(with_address(Customer, "email", who.addresses)),
            )
        )
    )
    nobodys = with_address(Order, "email", who.addresses).filter(customer__isnull=True)
    orders = keys(Order.objects.filter(customer__in=buyers)) | keys(nobodys)
    payments = keys(OrderPayment.objects.filter(order__in=orders), "payment")
    payments |= keys(Order.objects.filter(pk__in=orders), "checkout_session_id")
    objects = objects_of(who.customers, who.addresses, payments)
    paid = objects["payments.charge"] | objects["payments.paymentintent"]
    orders |= keys(OrderPayment.objects.filter(payment__in=paid), "order_id")
    return {**objects, "orders.order": orders, "orders.customer": buyers}
