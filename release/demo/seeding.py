"""Fills an empty database with the demo: the shop's past comes in as Stripe would have told it.

Everything follows from a seed, a size and a moment, which the audit log keeps. So a run that was
broken off can be taken up by doing it again: what is there already stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analyticsapp.services import snapshots
from auditlog.context import acting_as, job
from auditlog.models import AuditEvent
from auditlog.services import record
from monitoring.services.runs import run_checks
from orders.changes import OrderChange, announce
from orders.models import Order, Product
from orders.services.creation import NewOrder, OrderExists, create_order
from orders.services.locking import lock_orders
from orders.services.stock import adjust_stock
from orders.services.transitions import Move, move_all
from orders.services.waiting import settle_waiting
from orders.states import OrderStatus
from payments import inbox, processing, reading, reads, sync
from payments.models import Source, StripeEvent
from release.demo.history import History
from release.demo.people import ensure_people
from release.demo.shop import ARTICLES, SETTLEMENT, ShopOrder
from release.demo.wire import in_process_client
from standin import StandIn

BEGUN, SEEDED = "demo.begun", "demo.seeded"
ORDERS, SEED = 1800, 7
# What Stripe tells is taken in a few days at a time, so that parcels go out between payments and
# refunds, as they do.
SLICE = timedelta(days=3)
CHUNK = 1000
ONLY_BY_API = ("balance_transactions", "checkout_sessions")
# The shop never told us of this order, and of another one it told a wrong total.
FORGOTTEN, MISPRICED = 1, 2  # both among the APPS_FIRST of the history

Say = Callable[[str], None]


class NotADemo(RuntimeError):
    """The demo's data must not go there; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What the demo's past follows from."""

    seed: int
    orders: int
    until: datetime

    @classmethod
    def begun(cls) -> Plan | None:
        """The plan that this database was begun with, if it was."""
        event = AuditEvent.objects.filter(action=BEGUN).order_by("id").first()
        if event is None:
            return None
        until = datetime.fromisoformat(event.after["until"])
        return cls(seed=event.after["seed"], orders=event.after["orders"], until=until)

    def as_json(self) -> dict[str, Any]:
        return {"seed": self.seed, "orders": self.orders, "until": self.until.isoformat()}


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


def past_of(plan: Plan, state: Path | None) -> tuple[StandIn, History]:
    """A stand-in that has lived through the plan, saved to ``state``; it doesn't listen."""
    if state is not None:
        state.unlink(missing_ok=True)
    standin = StandIn(seed=plan.seed, state=state, settlement=SETTLEMENT)
    history = History(standin, seed=plan.seed, orders=plan.orders, until=plan.until)
    history.live()
    standin.save()
    return standin, history


def seed(
    *,
    state: Path | None,
    seed: int = SEED,
    orders: int = ORDERS,
    now: datetime | None = None,
    say: Say = lambda text: None,
) -> Plan:
    """Fill the database, or go on where that was broken off; return the plan it follows.

    ``state`` is the stand-in's file, written anew; ``say`` is told each step.

    Raises:
        NotADemo: see :func:`refuse_if_real`.
    """
    refuse_if_real()
    with acting_as(job("seed_demo")):
        plan = Plan.begun()
        if plan is None:
            # Whole seconds, as Stripe's times are.
            plan = Plan(seed, orders, (now or timezone.now()).replace(microsecond=0))
            with transaction.atomic():
                record(BEGUN, after=plan.as_json())
        say(f"Living through half a year of a shop with {plan.orders:,} orders")
        standin, history = past_of(plan, state)
        ensure_people()
        add_shop_orders(history.shop_orders)
        client = in_process_client(standin)
        say("Reading what comes only by API")
        # First, or else each transaction and each session would be asked for by itself.
        sync.sync(only=ONLY_BY_API, client=client, restart=True)
        events = standin.events_since(0)
        say(f"Taking in {len(events):,} events")
        take_in(events, plan)
        read_what_is_asked_for(client)
        # Nothing more will be heard of the past, so no payment needs to wait for its session.
        settle_waiting(timezone.now() + timedelta(minutes=10))
        ship(plan, plan.until)
        count_stock()
        say("Building snapshots")
        snapshots.build_all()
        say("Running checks")
        run_checks(now=max(plan.until, now or timezone.now()))
        if not is_seeded():
            with transaction.atomic():
                record(SEEDED, after=plan.as_json())
    return plan


def add_shop_orders(shop_orders: Sequence[ShopOrder]) -> None:
    """The orders that the shop's own app told us of, before Stripe told of their payments."""
    for position, taken in enumerate(shop_orders):
        if position == FORGOTTEN:
            continue
        wrong = taken.total // 10 if position == MISPRICED else 0
        new = NewOrder(
            number=taken.number,
            currency=taken.currency,
            total_minor=taken.total - wrong,
            email=taken.email,
            name=taken.name,
            stripe_customer=taken.customer or "",
            placed_at=datetime.fromtimestamp(taken.placed_at, UTC),
        )
        try:
            create_order(new, source=Order.Source.SHOP, reason="Taken in the shop's app")
        except OrderExists:
            continue  # of a run that was broken off


def take_in(events: Sequence[dict[str, Any]], plan: Plan) -> None:
    """Put the events into the inbox and process them, a few days at a time."""
    begin = 0
    while begin < len(events):
        until = events[begin]["created"] + int(SLICE.total_seconds())
        end = begin
        while end < len(events) and events[end]["created"] < until:
            end += 1
        for start in range(begin, end, CHUNK):
            inbox.store(events[start : min(start + CHUNK, end)], Source.WEBHOOK)
        processing.drain()
        ship(plan, min(datetime.fromtimestamp(until, UTC), plan.until))
        begin = end


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
                moves.append(Move(order, OrderStatus.FULFILLED, at, reason="Parcel sent"))
        move_all(moves)
        announce(changes)


def count_stock() -> None:
    """A stocktake: from here on, paid orders take from stock."""
    stock = {article.name: article.stock for article in ARTICLES if article.stock is not None}
    for product in Product.objects.filter(name__in=stock, stock=None).order_by("pk"):
        adjust_stock(product.pk, stock[product.name], reason="Stocktake")
