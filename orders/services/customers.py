"""Buyers: one row for each of Stripe's customers, and one for each guest by e-mail address, who may
turn out to be one of them (``Customer.same_as``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q

from orders.changes import Recognition, announce_recognition
from orders.models import Customer
from orders.services.locking import lock_addresses, lock_customers
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
    wanted: Iterable[Wanted], changed: Mapping[str, StripeCustomer], *, locked: bool = False
) -> Mapping[Buyer, Customer]:
    """The customers of the wanted buyers, made where they are missing; ``changed``, Stripe's by id,
    have a row each, which follows them. A bounded number of statements.

    Name, address and age of one of Stripe's customers are the mirror's. ``locked``: the caller
    holds every buyer.
    """
    buyers: dict[Buyer, Wanted] = {}
    for want in [*wanted, *map(as_wanted, living(changed))]:
        earlier = buyers.get(want.buyer)
        if want.buyer and (earlier is None or want.since < earlier.since):
            buyers[want.buyer] = want
    found = find(buyers)
    missing = sorted(buyers.keys() - found.keys())
    strangers = [one.stripe_customer for one in missing if one.stripe_customer]
    if not locked:
        lock_customers([*strangers, *changed])
    mirrored = StripeCustomer.objects.in_bulk(strangers) if strangers else {}
    new = [made(buyers[one], mirrored.get(one.stripe_customer)) for one in missing]
    differing = followers(changed)
    touched = {row.email for row in (*new, *differing)} | set(differing.values())
    if not locked:
        lock_addresses(touched - {""})
    if new:
        # Another worker may be making the same one.
        Customer.objects.bulk_create(new, ignore_conflicts=True)
        found |= find(missing)
    save_all(list(differing), ("email", "name", "created_at"))
    recognize_guests(touched - {""})
    return found


def living(changed: Mapping[str, StripeCustomer]) -> list[StripeCustomer]:
    """A deleted customer reads as having neither name nor address; who it was stays known."""
    return [theirs for theirs in changed.values() if not theirs.deleted]


def as_wanted(theirs: StripeCustomer) -> Wanted:
    return Wanted(Buyer(theirs.pk, ""), theirs.created or theirs.as_of)


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
        created_at=(mirrored and mirrored.created) or want.since,
    )


def followers(changed: Mapping[str, StripeCustomer]) -> dict[Customer, str]:
    """Our rows of those of Stripe's customers that have another name, address or age by now, with
    these set, not saved; and the address that each had before."""
    theirs = {row.pk: row for row in living(changed)}
    result: dict[Customer, str] = {}
    if not theirs:
        return result
    for row in Customer.objects.filter(stripe_customer__in=list(theirs)):
        mirrored = theirs[str(row.stripe_customer_id)]
        was = row.email
        now = (normalized_email(mirrored.email), mirrored.name, mirrored.created or row.created_at)
        if (row.email, row.name, row.created_at) != now:
            row.email, row.name, row.created_at = now
            result[row] = was
    return result


def recognize_guests(emails: Collection[str]) -> None:
    """Say of the guests with these addresses which of Stripe's customers they are: the only one
    with the address, if there is exactly one. The caller holds the addresses; one statement."""
    if not emails:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE orders_customer AS guest SET same_as_id = known.id
            FROM (
                SELECT address.email, CASE WHEN count(*) = 1 THEN min(one.id) END AS id
                FROM unnest(%s::text[]) AS address (email)
                LEFT JOIN orders_customer AS one
                    ON one.email = address.email AND one.stripe_customer_id IS NOT NULL
                GROUP BY address.email
            ) AS known, orders_customer AS was
            WHERE was.id = guest.id AND guest.email = known.email
                AND guest.stripe_customer_id IS NULL
                AND guest.same_as_id IS DISTINCT FROM known.id
            RETURNING guest.id, was.same_as_id, guest.same_as_id
            """,
            [sorted(emails)],
        )
        announce_recognition([Recognition(*row) for row in cursor.fetchall()])
