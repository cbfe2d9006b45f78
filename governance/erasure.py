"""Forgetting a person: what is personal goes, everywhere, and every figure stays.

What is personal is what the apps declare (``auditlog.personal``), so a field that is declared is
erased. Rows stay, with their money and their links: an address becomes a pseudonym, the same for
the same one, so that who was one buyer stays one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from auditlog.personal import Person
from auditlog.services import record
from governance.erasing import sweep
from orders.erasure import Identity, NobodyKnown, everything_of, hold, identity
from orders.models import Customer
from payments.erasure import Objects, erase_events, events_about, names_of, register
from payments.models import ErasedKey
from payments.pseudonyms import keyed

EVENTS = "payments.stripeevent"
PAYLOADS = "payments.StripeEvent.payload"
MOST_PASSES = 5

__all__ = ["Erased", "NobodyKnown", "erase_customer"]


@dataclass
class Erased:
    """How many values were erased, or would be, by the name of their field."""

    fields: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.fields.values())


def erase_customer(who: str, *, reason: str, dry_run: bool = False) -> Erased:
    """Erase what is personal of the customer known by ``who``: an e-mail address, the id of a
    customer of Stripe's, or of one of ours. Return what was erased: nothing, a second time.
    Audited.

    First the inbox learns whom to forget, so that nothing comes in meanwhile; then all is erased in
    one transaction, and what came in between in another. With ``dry_run`` nothing changes.

    Raises:
        NobodyKnown: nobody is known by that, and nobody was.
    """
    found = identity(who)
    if dry_run:
        with transaction.atomic():
            result = one_pass(found, timezone.now(), reason)
            transaction.set_rollback(True)
        return known(found, result)
    result = Erased()
    for _ in range(MOST_PASSES):
        now = timezone.now()
        learn(found, now, reason)
        with transaction.atomic():
            erased = one_pass(found, now, reason)
        result.fields += erased.fields
        if not erased.total:
            break
    return known(found, result)


def known(who: Identity, result: Erased) -> Erased:
    """The result, if there was somebody.

    Raises:
        NobodyKnown: there wasn't.
    """
    names = [ErasedKey.EMAIL + keyed(address) for address in who.addresses]
    if result.total or who.customers or ErasedKey.objects.filter(key__in=names).exists():
        return result
    raise NobodyKnown("nobody is known by that address")


@transaction.atomic
def learn(who: Identity, now: datetime, reason: str) -> None:
    """Have the inbox reduce from now on what comes about the person."""
    objects = everything_of(who)
    names = names_of(objects, who.addresses) if any(objects.values()) else frozenset()
    new = names - set(ErasedKey.objects.filter(key__in=names).values_list("key", flat=True))
    if new:
        register(new, now)
        record(
            "customer.forget",
            target=target(objects),
            reason=reason,
            after={"customers": sorted(who.customers), "known_by": len(new)},
        )


def one_pass(who: Identity, now: datetime, reason: str) -> Erased:
    """Erase what there is now; in the caller's transaction."""
    objects = everything_of(who)
    events = events_about(objects, {*who.addresses, *who.customers})
    hold(who, objects, events)
    person = Person(who.customers, who.addresses, {**objects, EVENTS: events})
    result = Erased(sweep(person))
    if events:
        result.fields[PAYLOADS] += erase_events(events)
    if result.total:
        register(names_of(objects, who.addresses), now)
        record(
            "customer.erased",
            target=target(objects),
            reason=reason,
            after={
                "fields": dict(sorted(result.fields.items())),
                "customers": sorted(who.customers),
                "rows": {label: len(ids) for label, ids in sorted(objects.items()) if ids},
            },
        )
    return result


def target(objects: Objects) -> Customer | None:
    """The buyer, or the first of them."""
    buyers = sorted(objects["orders.customer"])
    return Customer(pk=buyers[0]) if buyers else None
