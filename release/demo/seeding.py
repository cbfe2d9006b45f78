"""Fills an empty database with the demo: the shop's past comes in as Stripe would have told it.

Everything follows from a seed, a size and a moment, which the audit log keeps. So a run that was
broken off can be taken up by doing it again: what is there already stays as it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import stripe
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from analyticsapp.services import snapshots
from auditlog.context import acting_as, current_actor, job
from auditlog.models import AuditEvent
from auditlog.sealing import seal as seal_audit
from auditlog.services import record
from monitoring.models import Issue
from monitoring.services.runs import run_checks
from orders.changes import OrderChange, announce
from orders.models import Order, Product
from orders.services.locking import lock_orders
from orders.services.stock import adjust_stock
from orders.services.transitions import Move, move_all
from orders.services.waiting import settle_waiting
from orders.states import OrderStatus
from payments import inbox, processing, reading, reads, sync
from payments.client import pages
from payments.entries import entry_of
from payments.models import Source, StripeEvent
from payments.reading import observed
from payments.resources import RESOURCES
from release.demo.acts import OPERATOR, Act, Asked, Told
from release.demo.clock import Clock, turned_back
from release.demo.desk import Desk, person
from release.demo.history import DAYS, History, Progress, Slice
from release.demo.morning import work_of_the_morning
from release.demo.people import ensure_people
from release.demo.shop import ARTICLES, SETTLEMENT
from release.demo.wire import in_process_client
from standin import StandIn

BEGUN, SEEDED = "demo.begun", "demo.seeded"
ORDERS, SEED = 1800, 7
CHUNK = 1000
ONLY_BY_API = ("balance_transactions", "checkout_sessions")
DELIVERED_AFTER = timedelta(seconds=2)
# The tables grow faster here than Postgres looks at them by itself, and its plans are as bad.
ANALYZED_AFTER = (2, 8, 32, 96)
LISTED_LAST = ("events", "balance_transactions")
RECENT = timedelta(days=8)  # no transaction waits longer for its payout

Say = Callable[[str], None]


class NotADemo(RuntimeError):
    """The demo's data must not go there; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What the demo's past follows from."""

    seed: int
    orders: int
    until: datetime
    anomaly: bool = False

    @classmethod
    def begun(cls) -> Plan | None:
        """The plan that this database was begun with, if it was."""
        event = AuditEvent.objects.filter(action=BEGUN).order_by("id").first()
        if event is None:
            return None
        until = datetime.fromisoformat(event.after["until"])
        return cls(
            seed=event.after["seed"],
            orders=event.after["orders"],
            until=until,
            anomaly=event.after.get("anomaly", False),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "orders": self.orders,
            "until": self.until.isoformat(),
            "anomaly": self.anomaly,
        }


def is_seeded() -> bool:
    return AuditEvent.objects.filter(action=SEEDED).exists()


def refuse_if_real() -> None:
    """Keep the demo away from production and from anybody's data.

    Raises:
        NotADemo: the environment, the key or the rows say that this isn't the place.
    """
    if settings.PRODUCTION:
        raise NotADemo("The demo doesn't run where COUNTINGHOUSE_ENV is production.")
    if "_live_" in settings.STRIPE_API_KEY:
        raise NotADemo("STRIPE_API_KEY opens a live account; the demo doesn't run beside one.")
    if StripeEvent.objects.filter(livemode=True).exists():
        raise NotADemo("The database holds live data of Stripe's; the demo needs one of its own.")
    if Plan.begun() is None and (StripeEvent.objects.exists() or Order.objects.exists()):
        raise NotADemo(
            "The database holds data that isn't the demo's. Set DATABASE_URL to an empty one, or "
            "leave it out to use the embedded server."
        )


def past_of(plan: Plan, state: Path | None) -> StandIn:
    """A stand-in that has lived through the plan, saved to ``state``; it doesn't listen."""
    standin, history = begin(plan, state)
    history.live()
    standin.save()
    return standin


def begin(plan: Plan, state: Path | None) -> tuple[StandIn, History]:
    """The stand-in and the history that the plan stands for, not lived through yet."""
    if state is not None:
        state.unlink(missing_ok=True)
    standin = StandIn(seed=plan.seed, state=state, settlement=SETTLEMENT)
    history = History(
        standin, seed=plan.seed, orders=plan.orders, until=plan.until, anomaly=plan.anomaly
    )
    return standin, history


def seed(
    *,
    state: Path | None,
    seed: int = SEED,
    orders: int = ORDERS,
    anomaly: bool = False,
    now: datetime | None = None,
    say: Say = lambda text: None,
    progress: Progress = lambda done, total: None,
) -> Plan:
    """Fill the database, or go on where that was broken off; return the plan it follows.

    ``state`` is the stand-in's file, written anew; ``say`` is told each step, ``progress`` how many
    seconds of the past are over, of how many. With ``anomaly`` one thing is left to be mended.

    Raises:
        NotADemo: see :func:`refuse_if_real`.
    """
    refuse_if_real()
    with acting_as(job("seed_demo")):
        plan = Plan.begun()
        if plan is None:
            # Whole seconds, as Stripe's times are.
            until = (now or timezone.now()).replace(microsecond=0)
            plan = Plan(seed, orders, until, anomaly)
            with transaction.atomic():
                record(BEGUN, after=plan.as_json())
        say(f"Living through {DAYS // 30} months of a shop with {plan.orders:,} orders")
        standin, history = begin(plan, state)
        client = in_process_client(standin)
        with turned_back(plan.until) as clock:
            clock.set(history.begin)
            ensure_people()
            Past(plan, standin, client, clock).take_in(history, progress)
        standin.save()
        say("Building snapshots")
        # With what Stripe says of its own balance, transactions that have become available, and
        # events that never arrived: there are none.
        sync.sync(only=LISTED_LAST, since=plan.until - RECENT, client=client, restart=True)
        count_stock()
        snapshots.refresh()
        say("Running checks")
        seal_up()
        work_of_the_morning(plan.until)
        seal_up()
        look_over(max(plan.until, now or timezone.now()))
        if not is_seeded():
            with transaction.atomic():
                record(SEEDED, after=plan.as_json())
        seal_up()
    return plan


class Past:
    """Takes in the history as Stripe told it, slice by slice, and does what people did."""

    def __init__(
        self, plan: Plan, standin: StandIn, client: stripe.StripeClient, clock: Clock
    ) -> None:
        self.plan = plan
        self.client = client
        self.clock = clock
        self.desk = Desk(standin.secret_key)
        newest = StripeEvent.objects.filter(source=Source.WEBHOOK).aggregate(at=Max("as_of"))["at"]
        # Where a run was broken off: what people did before that is done.
        self.resumed = int(newest.timestamp()) if newest else 0

    def take_in(self, history: History, progress: Progress) -> None:
        for number, now in enumerate(history.slices(), 1):
            self.take_slice(now)
            if number in ANALYZED_AFTER:
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
            progress(now.end - history.begin, history.end - history.begin)

    def take_slice(self, now: Slice) -> None:
        """Take in a few days; the clock is at their end afterwards."""
        acts = [act for act in now.acts if act.at >= self.resumed]
        alone = [act for act in acts if not is_noted(act)]
        for act in acts:
            if is_noted(act):
                self.clock.set(act.at)
                self.desk.perform(act)
        self.clock.set(now.end)
        # First, or else each transaction and each session would be asked for by itself.
        self.read_what_comes_only_by_api(now.begin)
        if now.missed:
            self.desk.missed += now.missed
        events = now.events
        for act in alone:
            until = bisect_right(events, act.at, key=itemgetter("created"))
            if until:
                self.deliver(events[:until], act.at)
                events = events[until:]
            self.clock.set(act.at)
            self.desk.perform(act)
        self.deliver(events, now.end)
        self.read()
        if now.missed:
            first = datetime.fromtimestamp(now.missed[0]["created"], UTC)
            sync.sync(only=("events",), since=first, client=self.client, restart=True)
        with acting_as(person(OPERATOR)):
            ship(self.plan, self.clock.moment)

    def read_what_comes_only_by_api(self, since: int) -> None:
        """The transactions and the sessions made since then, as they are at the clock's time."""
        for resource in map(RESOURCES.__getitem__, ONLY_BY_API):
            [query] = resource.queries.values()
            made = {**query, "created": {"gte": since}}
            for page in pages(self.client, resource.path, made):
                found = [
                    observed(obj, as_of=page.as_of, api_version=page.api_version)
                    for obj in page.objects
                ]
                inbox.store(found, Source.READ)

    def deliver(self, events: Sequence[dict[str, Any]], at: int) -> None:
        """Have the webhook receive these events, each as it happened, and process them."""
        self.clock.set(at)
        for start in range(0, len(events), CHUNK):
            entries = [
                replace(
                    entry_of(event, source=Source.WEBHOOK),
                    received_at=datetime.fromtimestamp(event["created"], UTC) + DELIVERED_AFTER,
                )
                for event in events[start : start + CHUNK]
            ]
            inbox.insert(entries)
        with acting_as(job("process_events")):
            processing.drain()

    def read(self) -> None:
        """Fulfil the reads that the slice's events asked for."""
        with acting_as(job("drain_reads")):
            read_what_is_asked_for(self.client)
            # Nothing more will be heard of these days, so no payment needs to wait for its session.
            settle_waiting(datetime.now(UTC) + timedelta(minutes=10))


def is_noted(act: Act) -> bool:
    """Whether it is enough that it was done by the end of its slice: a note before what follows
    comes in."""
    return (isinstance(act, Told) and not act.late) or (isinstance(act, Asked) and not act.exactly)


def read_what_is_asked_for(client: stripe.StripeClient) -> None:
    """Fulfil the reads that the events asked for, and those that their answers ask for."""
    while True:
        reads.hurry()
        read = reading.drain(client=client)
        processing.drain()
        if not read.read:
            return


def ship(plan: Plan, until: datetime) -> None:
    """Fulfil the paid orders whose parcels have left by ``until``: half a day to two days later."""
    paid = Order.objects.filter(status=OrderStatus.PAID, paid_at__lt=until - timedelta(hours=12))
    with transaction.atomic():
        found = lock_orders(paid.values_list("pk", flat=True))
        changes: list[OrderChange] = []
        moves: list[Move] = []
        for order in found.values():
            assert order.paid_at is not None
            hours = Random(f"{plan.seed}:{order.number}").uniform(12, 48)
            at = order.paid_at + timedelta(hours=hours)
            if at <= until and order.status == OrderStatus.PAID:
                changes.append(OrderChange(copy(order), order))
                moves.append(
                    Move(
                        order,
                        OrderStatus.FULFILLED,
                        at,
                        actor=current_actor().user,
                        reason="Parcel sent",
                    )
                )
        move_all(moves)
        announce(changes)


def look_over(now: datetime) -> None:
    """Run all checks; twice where they hadn't run for so long that they say that."""
    for _ in range(2):
        run = run_checks(now=now)
        if not Issue.objects.filter(status=Issue.Status.OPEN, check_name="checks_overdue").exists():
            return
    assert run.finished_at


def seal_up() -> None:
    """Seal the audit log, where its rows are committed."""
    if not connection.in_atomic_block:
        seal_audit()


def count_stock() -> None:
    """A stocktake: from here on, paid orders take from stock."""
    stock = {article.name: article.stock for article in ARTICLES if article.stock is not None}
    for product in Product.objects.filter(name__in=stock, stock=None).order_by("pk"):
        adjust_stock(product.pk, stock[product.name], reason="Stocktake")
