"""What happened to an order, as one list: moves, payments, refunds, disputes, audit entries.

An app to the right adds what it knows of an order with :func:`contribute` in its
``AppConfig.ready()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from orders.models import Order, OrderPayment
from orders.refunds import refund_requests_of
from orders.selectors import charges_of
from payments.ledger import Settlement, settlement_of, together
from payments.models import (
    Charge,
    CheckoutSession,
    Dispute,
    MirrorObject,
    PaymentIntent,
    Refund,
    RefundRequest,
    StripeEvent,
)

# Of each kind the newest so many; an order with more of anything says so.
MOST = 500
R = TypeVar("R", bound=Model)


@dataclass(frozen=True)
class Entry:
    """One thing that happened. ``link`` is the row that it is about, ``event`` the observation of
    Stripe's that told of it, ``who`` the person or job that did it. ``problem`` asks for a look."""

    at: datetime
    what: str
    detail: str = ""
    amount_minor: int | None = None
    currency: str = ""
    who: str = ""
    link: tuple[type[Model], str] | None = None
    event: StripeEvent | None = None
    problem: bool = False


@dataclass
class Facts:
    """An order and the mirrored objects that belong to it, read once for all who tell of them.

    ``cut`` is set where there was more than ``MOST`` of something.
    """

    order: Order
    payments: list[str] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    intents: list[PaymentIntent] = field(default_factory=list)
    sessions: list[CheckoutSession] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    requests: list[RefundRequest] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    cut: bool = False

    def newest(self, rows: QuerySet[R]) -> list[R]:
        """The first ``MOST`` of ``rows``, which begin with the newest; one statement."""
        found = list(rows[: MOST + 1])
        self.cut |= len(found) > MOST
        return found[:MOST]

    @property
    def objects(self) -> list[MirrorObject]:
        """All of them."""
        return [
            *self.intents,
            *self.charges,
            *self.sessions,
            *self.refunds,
            *self.disputes,
        ]

    @cached_property
    def settlement(self) -> Settlement:
        """What reached the balance for its payments; six statements at the most."""
        return together(settlement_of(self.payments).values())

    @cached_property
    def events(self) -> dict[str, list[StripeEvent]]:
        """Their observations by object, the first first, without payloads; one statement."""
        wanted = Q(pk__in=[])
        by_kind: dict[str, list[str]] = {}
        for row in self.objects:
            by_kind.setdefault(row.OBJECT, []).append(row.pk)
        for kind, keys in by_kind.items():
            wanted |= Q(object_type=kind, object_id__in=keys)
        found: dict[str, list[StripeEvent]] = {}
        if by_kind:
            rows = StripeEvent.objects.filter(wanted).order_by("-as_of", "-id")
            for event in reversed(rows.only("stripe_id", "type", "object_id", "as_of")[: 4 * MOST]):
                found.setdefault(event.object_id, []).append(event)
        return found

    def told(self, row: MirrorObject, at: datetime) -> StripeEvent | None:
        """The observation that first told of what happened to ``row`` at that time.

        Stripe's times are whole seconds.
        """
        since = at - timedelta(seconds=1)
        return next((event for event in self.events.get(row.pk, []) if event.as_of > since), None)


def facts_of(order: Order) -> Facts:
    """The order with its objects at Stripe, and what was asked of Stripe; seven statements."""
    facts = Facts(order)
    links = OrderPayment.objects.filter(order=order).order_by("-linked_at", "-id")
    facts.payments = [link.payment for link in facts.newest(links)]
    facts.charges = facts.newest(charges_of(order).order_by("-created", "-id"))
    charges = [charge.pk for charge in facts.charges]
    paying = Q(payment_intent__in=facts.payments) | Q(pk=order.checkout_session_id)
    facts.intents = list(PaymentIntent.objects.filter(pk__in=facts.payments))
    facts.sessions = facts.newest(
        CheckoutSession.objects.filter(paying).order_by("-created", "-id")
    )
    of_charges = Q(charge__in=charges)
    facts.refunds = facts.newest(Refund.objects.filter(of_charges).order_by("-created", "-id"))
    facts.requests = facts.newest(refund_requests_of(charges))
    facts.disputes = facts.newest(Dispute.objects.filter(of_charges).order_by("-created", "-id"))
    return facts


Tell = Callable[[Facts], Iterable[Entry]]
_tellers: list[Tell] = []


def contribute(tell: Tell) -> Tell:
    """Have ``tell``'s entries in the timeline; it makes a bounded number of statements.

    Within one second its entries come after those of who contributed before it.
    """
    if tell not in _tellers:
        _tellers.append(tell)
    return tell


def timeline(facts: Facts) -> list[Entry]:
    """All that happened, the newest first. Stripe's times are whole seconds, so within one the
    order is that of the tellers: who asked for a refund did so before it succeeded."""
    entries = [(entry, rank) for rank, tell in enumerate(_tellers) for entry in tell(facts)]
    entries.sort(key=lambda told: (told[0].at.replace(microsecond=0), told[1], told[0].at))
    return [entry for entry, _ in reversed(entries)]
