"""Buyers: one row for each of Stripe's customers, and one for each guest by e-mail address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from orders.models import Customer
from orders.services.locking import lock_customers
from orders.services.payment_facts import normalized_email
from orders.services.storing import save_all
from payments.models import Customer as StripeCustomer


@dataclass(frozen=True, order=True)
class Buyer:
    """Who buys: known by Stripe's id, else by address (normalized). Neither: nobody is known."""

    stripe_customer: str
    email: str

    def __bool__(self) -> bool:
        return bool(self.stripe_customer or self.email)


def buyer(stripe_customer: str | None, email: str) -> Buyer:
    """The buyer by what is known; Stripe's id decides where there is one."""
    return Buyer(stripe_customer, "") if stripe_customer else Buyer("", email)


@dataclass(frozen=True)
class Wanted:
    """A buyer to find or make, since when, and a guest's name."""

    buyer: Buyer
    since: datetime
    name: str = ""


def settle_customers(
    wanted: Iterable[Wanted], changed: Mapping[str, StripeCustomer]
) -> Mapping[Buyer, Customer]:
    """The customers of the wanted buyers, made where they are missing; the ones we have follow
    ``changed``, Stripe's by id. A bounded number of statements.

    Name and address of one of Stripe's customers are the mirror's.
    """
    buyers: dict[Buyer, Wanted] = {}
    for want in wanted:
        earlier = buyers.get(want.buyer)
        if want.buyer and (earlier is None or want.since < earlier.since):
            buyers[want.buyer] = want
    found = find(buyers)
    missing = sorted(buyers.keys() - found.keys())
    strangers = [one.stripe_customer for one in missing if one.stripe_customer]
    lock_customers([*strangers, *changed])
    if missing:
        mirrored = StripeCustomer.objects.in_bulk(strangers) if strangers else {}
        Customer.objects.bulk_create(
            [made(buyers[one], mirrored.get(one.stripe_customer)) for one in missing],
            ignore_conflicts=True,  # another worker may be making the same one
        )
        found |= find(missing)
    if changed:
        follow(changed)
    return found


def find(buyers: Iterable[Buyer]) -> dict[Buyer, Customer]:
    """Those of the buyers that are there."""
    buyers = list(buyers)
    if not buyers:
        return {}
    rows = Customer.objects.filter(
        Q(stripe_customer__in=[b.stripe_customer for b in buyers if b.stripe_customer])
        | Q(email__in=[b.email for b in buyers if b.email], stripe_customer__isnull=True)
    )
    return {
        buyer(row.stripe_customer_id, "" if row.stripe_customer_id else row.email): row
        for row in rows
    }


def made(want: Wanted, mirrored: StripeCustomer | None) -> Customer:
    if not want.buyer.stripe_customer:
        return Customer(email=want.buyer.email, name=want.name, created_at=want.since)
    return Customer(
        stripe_customer_id=want.buyer.stripe_customer,
        email=normalized_email(mirrored.email) if mirrored else "",
        name=mirrored.name if mirrored else "",
        created_at=want.since,
    )


def follow(changed: Mapping[str, StripeCustomer]) -> None:
    """Give our customers the names and addresses that Stripe's have by now."""
    differing = []
    for row in Customer.objects.filter(stripe_customer__in=list(changed)):
        theirs = changed[str(row.stripe_customer_id)]
        now = (normalized_email(theirs.email), theirs.name)
        # A deleted customer reads as having neither; who it was stays known.
        if not theirs.deleted and (row.email, row.name) != now:
            row.email, row.name = now
            differing.append(row)
    save_all(differing, ("email", "name"))
