"""Objects that a person wants read again from Stripe now: what is known may be out of date."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from auditlog.services import record
from payments import inbox, processing, reading, reads
from payments.client import stripe_client
from payments.models import Charge, Invoice, MirrorObject, PaymentIntent, Payout
from payments.reading import READERS, Read, Wish

# What belongs to an object and has to be asked for by itself.
BESIDE: dict[str, tuple[str, ...]] = {
    Charge.OBJECT: ("charge.refunds",),
    Invoice.OBJECT: ("invoice.payments",),
    PaymentIntent.OBJECT: (reads.ORIGIN,),
    Payout.OBJECT: ("payout.balance_transactions",),
}
MOST = 20  # somebody waits for the answers
PROCESSED = 500  # events; the worker takes care of the others


class NothingToRead(ValueError):
    """Stripe can't be asked about that."""


def wishes(object_type: str, key: str) -> list[Wish]:
    """What to read to know all about an object: by Stripe's name for its kind, and its id."""
    kinds = (object_type, *BESIDE.get(object_type, ()))
    return [(kind, key) for kind in kinds if kind in READERS]


def wishes_about(row: MirrorObject) -> list[Wish]:
    """``wishes`` of a row of the mirror."""
    return wishes(row.OBJECT, row.pk)


def read_again(wanted: Collection[Wish], *, reason: str) -> Read:
    """Read these from Stripe now, audited, and process what it answers; say how it went.

    What can't be read now stays asked for, and the worker reads it later. Not to be called within a
    transaction.

    Raises:
        NothingToRead: nothing is wanted, or more than can be waited for.
        NotConfigured: there is no key.
    """
    wanted = list(dict.fromkeys(wanted))
    if not 0 < len(wanted) <= MOST:
        raise NothingToRead(
            f"{len(wanted)} objects are too many to wait for: use manage.py sync_stripe"
            if wanted
            else "Stripe has nothing to tell about it"
        )
    client = stripe_client(hasty=True)
    with transaction.atomic():
        reads.request(wanted)
        record(
            "stripe.read_again",
            reason=reason,
            after={"objects": [f"{kind} {key}" for kind, key in wanted]},
        )
    result = reading.drain(client=client, only=wanted)
    processing.drain(limit=PROCESSED)
    inbox.wake()
    return result
