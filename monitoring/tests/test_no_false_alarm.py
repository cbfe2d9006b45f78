"""What is legal raises no alarm: whatever an order lives through, in whatever order it is told, no
check of integrity finds anything once all was told.

Customers, banks and Stripe act at the stand-in, operators through our services, and events come
late, shuffled and more than once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from analyticsapp.services import snapshots
from monitoring import registry
from monitoring.models import Issue, Kind
from monitoring.services.runs import run_checks
from orders.models import Order
from orders.services.creation import NewOrder, create_order
from orders.services.fulfilment import Shipment, fulfil_many
from orders.services.handling import cancel_order
from orders.services.transitions import IllegalTransition
from orders.services.waiting import settle_waiting
from payments import inbox, processing, sync
from payments.models import Source, StripeEvent
from release.demo.seeding import ONLY_BY_API, read_what_is_asked_for
from release.demo.wire import in_process_client
from standin import StandIn
from standin.errors import ApiError

WAYS = ("checkout", "shop", "bare")
ACTS = (
    "pay",
    "pay_again",
    "pay_something_else",
    "fail_to_pay",
    "hold",
    "capture",
    "release",
    "refund_part",
    "refund_rest",
    "refund_that_fails",
    "refund_that_waits",
    "settle_refunds",
    "dispute",
    "win",
    "lose",
    "fulfil",
    "cancel",
    "hear",
    "pay_out",
)
# Nothing could follow without one, so it is made first.
AFTER_PAYMENT = {
    name for name in ACTS if name.startswith(("refund", "dispute", "win", "lose", "fulfil"))
}
AMOUNT = 5_000


@dataclass
class Life:
    """One order: how it is bought, and what Stripe's ids for it are."""

    number: str
    way: str
    session: str = ""
    intents: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    disputes: list[str] = field(default_factory=list)


class World:
    """A shop, its account at Stripe, and what of Stripe's events has reached us."""

    def __init__(self, ways: list[str], random: Random) -> None:
        self.random = random
        self.standin = StandIn(seed=7, settlement=("eur",))
        self.now = timezone.now()
        self.standin.now = int((self.now - timedelta(days=20)).timestamp())
        self.lives = [self.begin(f"N-{number}", way) for number, way in enumerate(ways)]
        self.heard = 0
        self.late: list[dict[str, Any]] = []

    def begin(self, number: str, way: str) -> Life:
        life = Life(number, way)
        if way == "shop":
            create_order(
                NewOrder(number=number, currency="eur", total_minor=AMOUNT),
                source=Order.Source.SHOP,
                reason="Taken in the shop",
            )
        elif way == "checkout":
            price = {
                "currency": "eur",
                "unit_amount": AMOUNT // 2,
                "product_data": {"name": "Tea"},
            }
            session = self.ask(
                "checkout/sessions",
                mode="payment",
                line_items=[{"price_data": price, "quantity": 2}],
                success_url="https://shop.example.com/thanks",
            )
            life.session = session["id"]
        return life

    def ask(self, path: str, **params: Any) -> dict[str, Any]:
        return self.standin.api("POST", f"/v1/{path}", params)

    def act(self, name: str, life: Life) -> None:
        """Do it if it is legal: Stripe and our services refuse what isn't."""
        self.standin.advance(hours=2)
        if name in AFTER_PAYMENT and not life.intents:
            with suppress(ApiError):
                self.pay(life)
        with suppress(ApiError, IllegalTransition, Order.DoesNotExist):
            getattr(self, name)(life)

    def some(self, ids: list[str]) -> list[str]:
        """One of them, or none where there are none."""
        return [self.random.choice(ids)] if ids else []

    def pay(self, life: Life, card: str = "pm_card_visa") -> None:
        if life.way == "checkout":
            paid = self.standin.complete_checkout(life.session, card)
            life.intents.append(paid["payment_intent"])
        elif not life.intents:
            self.pay_again(life, card)

    def try_to_pay(
        self, life: Life, amount: int = AMOUNT, currency: str = "eur", **how: Any
    ) -> dict[str, Any]:
        names = {"order": life.number} if life.way == "shop" else {}
        return self.standin.create_payment(amount, currency, metadata=names, **how)

    def pay_again(self, life: Life, card: str = "pm_card_visa") -> None:
        paid = self.try_to_pay(life, payment_method=card)
        if paid["status"] == "succeeded":
            life.intents.append(paid["id"])

    def pay_something_else(self, life: Life) -> None:
        amount, currency = self.random.choice([(AMOUNT // 2, "eur"), (AMOUNT, "usd")])
        life.intents.append(self.try_to_pay(life, amount, currency)["id"])

    def hold(self, life: Life) -> None:
        life.held.append(self.try_to_pay(life, capture_method="manual")["id"])

    def capture(self, life: Life) -> None:
        for intent in self.some(life.held):
            amount = self.random.choice([AMOUNT, AMOUNT // 2])
            self.ask(f"payment_intents/{intent}/capture", amount_to_capture=amount)
            life.intents.append(intent)

    def release(self, life: Life) -> None:
        for intent in self.some(life.held):
            self.ask(f"payment_intents/{intent}/cancel")

    def fail_to_pay(self, life: Life) -> None:
        self.pay(life, "pm_card_chargeDeclined")

    def refund(self, life: Life, amount: int | None, outcome: str) -> None:
        for intent in self.some(life.intents):
            more = {} if amount is None else {"amount": amount}
            self.ask("refunds", payment_intent=intent, metadata={"standin": outcome}, **more)

    def refund_part(self, life: Life) -> None:
        self.refund(life, AMOUNT // 5, "succeed")

    def refund_rest(self, life: Life) -> None:
        self.refund(life, None, "succeed")

    def refund_that_fails(self, life: Life) -> None:
        self.refund(life, self.random.choice([None, AMOUNT // 2]), "fail_later")

    def refund_that_waits(self, life: Life) -> None:
        self.refund(life, self.random.choice([None, AMOUNT // 2]), "pending")

    def settle_refunds(self, life: Life) -> None:
        self.standin.settle_refunds()

    def dispute(self, life: Life) -> None:
        for intent in self.some(life.intents):
            life.disputes.append(self.standin.create_dispute(intent)["id"])

    def win(self, life: Life) -> None:
        if not life.disputes:
            self.dispute(life)
        for dispute in self.some(life.disputes):
            self.standin.resolve_dispute(dispute, "won")

    def lose(self, life: Life) -> None:
        if not life.disputes:
            self.dispute(life)
        for dispute in self.some(life.disputes):
            self.standin.resolve_dispute(dispute, "lost")

    def fulfil(self, life: Life) -> None:
        self.hear(everything=True)
        number = life.number if life.way == "shop" else (life.intents or [life.number])[0]
        fulfil_many([Shipment(number)], reason="Parcel sent")

    def cancel(self, life: Life) -> None:
        cancel_order(Order.objects.get(number=life.number).pk, reason="Nobody pays")

    def pay_out(self, life: Life) -> None:
        self.standin.advance(hours=20)
        if payout := self.standin.payout_now("eur"):
            self.standin.move_payout(payout["id"], "paid")

    def hear(self, life: Life | None = None, *, everything: bool = False) -> None:
        """Some of what Stripe had to tell arrives, in any order, some of it twice."""
        self.late += self.standin.events_since(self.heard, limit=10_000)
        self.heard = self.standin.cursor
        self.random.shuffle(self.late)
        count = len(self.late) if everything else self.random.randint(0, len(self.late))
        arrived, self.late = self.late[:count], self.late[count:]
        twice = self.random.sample(arrived, len(arrived) // 3)
        for start in range(0, len(arrived), 7):
            inbox.store(arrived[start : start + 7], Source.WEBHOOK)
            if self.random.random() < 0.5:
                processing.drain()
        inbox.store(twice, Source.WEBHOOK)
        processing.drain()

    def end(self) -> None:
        """All is told, read and counted, as the jobs do it."""
        self.standin.advance_to(int(self.now.timestamp()))
        self.hear(everything=True)
        client = in_process_client(self.standin)
        sync.sync(only=ONLY_BY_API, client=client, restart=True)
        read_what_is_asked_for(client)
        settle_waiting(self.now + timedelta(minutes=10))
        processing.drain()
        snapshots.refresh()
        undone = StripeEvent.objects.exclude(status__in=["processed", "ignored"])
        assert not undone.exists(), list(undone.values_list("type", "status", "error"))


def integrity() -> list[str]:
    """The names of the checks that must never find anything."""
    return [check.name for check in registry.all_checks() if check.kind == Kind.INTEGRITY]


def alarms() -> list[str]:
    """What the checks of integrity find, an hour later."""
    run = run_checks(integrity(), now=timezone.now() + timedelta(hours=1))
    assert not run.crashed, run.results
    issues = Issue.objects.filter(status=Issue.Status.OPEN, kind=Kind.INTEGRITY)
    return [f"{issue.check_name}: {issue.summary} {issue.evidence}" for issue in issues]


# Most are paid first, or little could follow.
beginnings = st.sampled_from(["pay", "pay", "pay", "fail_to_pay", "cancel", "hear"])
lives = st.lists(st.tuples(st.sampled_from(WAYS), beginnings), min_size=1, max_size=3)
courses = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2)), min_size=6, max_size=18)


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(begun=lives, course=courses, random=st.randoms(use_true_random=False))
def test_no_legal_history_breaks_integrity(
    settings: Settings,
    begun: list[tuple[str, str]],
    course: list[tuple[str, int]],
    random: Random,
) -> None:
    before = transaction.savepoint()  # calls of Stripe don't stand in a transaction of ours
    try:
        world = World([way for way, _ in begun], random)
        settings.STRIPE_API_KEY = world.standin.secret_key
        for life, (_, beginning) in zip(world.lives, begun, strict=True):
            world.act(beginning, life)
        for name, which in course:
            world.act(name, world.lives[which % len(world.lives)])
        world.end()
        assert alarms() == []
    finally:
        transaction.savepoint_rollback(before)
