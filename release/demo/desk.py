"""Does what people did in the demo's past, each in their own name, by the services that the
admin's buttons call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.models import DaySnapshot
from analyticsapp.services import snapshots
from auditlog.context import Actor, acting_as, job
from monitoring.models import Issue
from monitoring.remedies.registry import all_remedies
from monitoring.services import triage
from monitoring.services.remedies import note_use
from monitoring.services.runs import run_checks
from orders.models import Order, OrderPayment
from orders.services.canceling import call_off
from orders.services.creation import NewOrder, OrderExists, create_order
from orders.services.refunding import Ask, record_asks
from orders.services.transitions import IllegalTransition
from payments import inbox
from payments.models import Charge
from payments.refund_requests import RefundImpossible, Wish
from release.demo.acts import (
    OPERATOR,
    Act,
    Asked,
    CalledOff,
    Decided,
    Drifted,
    Looked,
    Redelivered,
    Remedied,
    Told,
)

DECISIONS = {one.name: one for one in (triage.ACKNOWLEDGE, triage.MUTE, triage.ACCEPT)}
OFFICE = "192.0.2.17"  # an address for examples: https://www.rfc-editor.org/rfc/rfc5737


def person(name: str) -> Actor:
    """One of the demo's people, at a desk of the shop's office."""
    return Actor(name=name, user=User.objects.get(username=name), address=OFFICE)


@contextmanager
def key_of(key: str) -> Iterator[None]:
    """A key for Stripe, where none is set: without one nobody may ask for a refund."""
    before = settings.STRIPE_API_KEY
    settings.STRIPE_API_KEY = before or key
    try:
        yield
    finally:
        settings.STRIPE_API_KEY = before


class Desk:
    """Where the acts are done. ``key`` opens the stand-in; ``missed`` is what it couldn't deliver
    yet."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.missed: list[Mapping[str, Any]] = []
        self.titles = {remedy.name: remedy.title for remedy in all_remedies()}

    def perform(self, act: Act) -> None:
        """Do it; what is done already, in a run that was broken off, stays as it is."""
        match act:
            case Told():
                self.tell(act)
            case Asked():
                with acting_as(person(OPERATOR)), key_of(self.key):
                    self.ask(act)
            case Looked():
                with acting_as(job("run_checks")):
                    run_checks(act.checks)
            case Decided():
                with acting_as(person(act.who)):
                    self.decide(act)
            case Remedied():
                with acting_as(person(act.who)):
                    self.remedy(act)
            case CalledOff():
                with acting_as(person(OPERATOR)):
                    self.call_off(act)
            case Redelivered():
                for event in self.missed:
                    inbox.receive(json.dumps(event).encode())
                self.missed = []
            case Drifted():
                drift(day_of(timezone.now() - timedelta(days=1)))

    def tell(self, act: Told) -> None:
        taken = act.order
        new = NewOrder(
            number=taken.number,
            currency=taken.currency,
            total_minor=taken.total,
            email=taken.email,
            name=taken.name,
            stripe_customer=taken.customer or "",
            placed_at=datetime.fromtimestamp(taken.placed_at, UTC),
        )
        reason = "The shop’s app told us late" if act.late else "Taken in the shop’s app"
        try:
            with acting_as(job("shop")):
                create_order(new, source=Order.Source.SHOP, reason=reason)
        except OrderExists:
            return

    def ask(self, act: Asked) -> None:
        """Record the request for a refund; its refund, which Stripe has made, settles it. Where the
        payment isn't known yet it was refunded in Stripe's dashboard."""
        link = OrderPayment.objects.filter(payment=act.intent).first()
        charge = Charge.objects.filter(payment=act.intent, captured_at__isnull=False).first()
        if link is None or charge is None:
            return
        wish = Wish(act.request, charge.pk, act.amount, act.stripe_reason, act.reason)
        try:
            record_asks([Ask(link.order_id, wish)])
        except RefundImpossible:
            return  # a dispute, or another refund, of which we hear only now

    def decide(self, act: Decided) -> None:
        ids = open_issues(act.check)
        if not ids:
            return
        decision = DECISIONS[act.decision]
        until = timezone.now() + timedelta(days=act.days) if act.days else None
        triage.assign(ids, User.objects.get(username=act.who))
        triage.decide(decision, ids, reason=act.reason, until=until)

    def remedy(self, act: Remedied) -> None:
        for issue in Issue.objects.filter(pk__in=open_issues(act.check)):
            outcome = "Done."
            if act.remedy == "rebuild_day":
                day = date.fromisoformat(issue.subject_id[:10])
                snapshots.build([day])
                outcome = f"{day} was counted anew."
            title = self.titles[act.remedy]
            note_use(issue, title, reason=act.reason, outcome=outcome)

    def call_off(self, act: CalledOff) -> None:
        order = Order.objects.filter(number=act.number).first()
        try:
            if order is not None:
                call_off(order.pk, reason=act.reason)
        except IllegalTransition:
            return


def open_issues(check: str) -> list[int]:
    found = Issue.objects.filter(check_name=check, status__in=Issue.NEEDS_SOMEONE)
    return list(found.order_by("pk").values_list("pk", flat=True))


def drift(until: date) -> None:
    """Alter a day's figures as somebody does who writes to the database itself."""
    snapshots.refresh()
    row = DaySnapshot.objects.filter(day__lte=until).order_by("-day", "currency").first()
    if row is not None:
        DaySnapshot.objects.filter(pk=row.pk).update(gross_minor=F("gross_minor") + 12_300)
