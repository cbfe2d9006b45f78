"""More than a year of the demo's shop, lived through at the stand-in, with its clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random
from typing import Any

from release.demo.acts import Act, Looked, Told
from release.demo.aftermath import QUIET, Aftermath
from release.demo.club import Club
from release.demo.incidents import Incidents
from release.demo.shop import SETTLEMENT, Buyer, Obj, Shop, ShopOrder
from standin import StandIn

DAY = 86_400
HOUR = 3_600
# A year and a quarter: each window of the dashboard, and the same one a year before, is full.
DAYS = 460
# How many buy on which day of the week (from Monday), in which hour (UTC) and in which month,
# against one another; and how many more at the end than at the beginning.
WEEKDAYS = (10, 10, 11, 11, 12, 14, 13)
HOURS = (1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 10, 11, 10, 9, 9, 9, 10, 12, 13, 12, 9, 5, 2)
MONTHS = (94, 95, 99, 100, 98, 94, 90, 90, 98, 103, 118, 132)
GROWTH = 0.55
# The prices of the articles and of the club go up so long before the end.
ARTICLES_RISE, CLUB_RISES = 140, 225
FEE = 2_900  # a month, in minor units of what the shop's account settles in
# What Stripe told is handed on a few days at a time, so that parcels go out between payments and
# refunds, as they do; and of a large shop no more than so many orders at once.
SLICE_DAYS = 4
SLICE_ORDERS = 2_000

# Of a larger shop the stand-in forgets what is over: what is older than that, but for payments that
# a refund or a dispute is still to come of.
ALL_KEPT = 10_000
KEPT = 14 * DAY

Progress = Callable[[int, int], None]
Deed = Callable[[], None]


@dataclass
class Slice:
    """A few days (Unix seconds): what Stripe delivered, what it had to keep back, and what people
    did, each in the order of time."""

    begin: int
    end: int
    events: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)


class History:
    """What happens, and when: an agenda that grows while it is worked off."""

    def __init__(
        self, standin: StandIn, *, seed: int, orders: int, until: datetime, anomaly: bool = False
    ) -> None:
        self.standin = standin
        self.random = Random(f"demo:{seed}")
        self.shop = Shop(standin, self.random)
        self.seed = seed
        self.orders = orders
        self.end = int(until.timestamp())
        self.begin = self.end - DAYS * DAY
        self.acts: list[Act] = []
        self.outage = (0, 0)  # when the webhook didn't answer
        self._agenda: list[tuple[int, int, Deed]] = []
        self._order = count()
        self._numbers = count(1000)
        self._weights = self._weigh_days()
        self.aftermath = Aftermath(self)
        self.club = Club(self)
        self.incidents = Incidents(self, anomaly=anomaly)

    def live(self, progress: Progress = lambda done, total: None) -> None:
        """Live through it all. The clock is real again afterwards."""
        for one in self.slices():
            progress(one.end - self.begin, self.end - self.begin)

    def slices(self) -> Iterator[Slice]:
        """Live through it a few days at a time. Before it goes on with the next ones, whoever asks
        has the stand-in as it was at the end of these."""
        self.standin.set_now(self.begin)
        self.shop.open()
        self.incidents.plan()
        self.at(self.end - ARTICLES_RISE * DAY, self.shop.raise_prices)
        self.at(self.end - CLUB_RISES * DAY, self.club.become_dearer)
        cursor = 0
        begin = self.begin
        for end in self._ends():
            self._foresee(begin, end)
            self._work_off(end)
            now = Slice(begin, end)
            events = self.standin.events_since(cursor)
            cursor = self.standin.cursor
            for event in events:
                out = self.outage[0] <= event["created"] < self.outage[1]
                (now.missed if out else now.events).append(event)
            acts = sorted(self.acts, key=lambda act: act.at)
            now.acts = [act for act in acts if act.at <= end]
            self.acts = [act for act in acts if act.at > end]
            if end == self.end:
                self.standin.set_now(None)
            yield now
            if self.orders > ALL_KEPT:
                self._forget(end)
            begin = end

    def _forget(self, end: int) -> None:
        """Let the stand-in go of what is over, so that its memory doesn't grow with the past."""
        fated = self.aftermath.pending(end)
        buyers = {buyer.customer for buyer in self.shop.buyers if buyer.customer}
        self.standin.forget(end - KEPT, [*fated, *buyers])

    def at(self, moment: int, deed: Deed) -> None:
        """Put something on the agenda, unless it would be in the future."""
        if moment <= self.end:
            heapq.heappush(self._agenda, (moment, next(self._order), deed))

    def later(self, low: float, high: float, deed: Deed) -> None:
        """Put something on the agenda for between ``low`` and ``high`` days from now."""
        self.at(self.standin.now + int(self.random.uniform(low, high) * DAY), deed)

    def people(self, *acts: Act) -> None:
        """Note what people did in Countinghouse."""
        self.acts += [act for act in acts if act.at <= self.end]

    def spread(self, total: int, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """How many of ``total``, all in all, fall on each day of that time: more and more of them,
        in the rhythm of the year and the week. Gives midnights and counts."""
        first = self.begin - self.begin % DAY
        whole, before = sum(self._weights), 0.0
        for day, weight in enumerate(self._weights):
            midnight = first + day * DAY
            until = before + weight
            if begin <= midnight < end or (day == 0 and begin == self.begin):
                yield midnight, round(total * until / whole) - round(total * before / whole)
            before = until

    def moment_of(self, midnight: int) -> int:
        """Some moment of that day, as people have them, within the history."""
        hour = self.random.choices(range(24), HOURS)[0]
        moment = midnight + hour * HOUR + self.random.randrange(HOUR)
        if self.begin < moment < self.end - 300:
            return moment
        return self.random.randrange(
            max(midnight, self.begin) + 1, min(midnight + DAY, self.end - 300)
        )

    def _weigh_days(self) -> list[float]:
        start = self.begin - self.begin % DAY
        found = []
        for day in range(DAYS + 1):
            at = datetime.fromtimestamp(start + day * DAY, UTC)
            share = min(start + (day + 1) * DAY, self.end) - max(start + day * DAY, self.begin)
            found.append(
                (1 + GROWTH * day / DAYS)
                * WEEKDAYS[at.weekday()]
                * MONTHS[at.month - 1]
                * self.random.uniform(0.8, 1.25)
                * (share / DAY if share > HOUR else 0)
            )
        return found

    def _ends(self) -> list[int]:
        """Where a slice ends: at midnights, when the webhook answers again, and at the end."""
        days = max(min(SLICE_DAYS, SLICE_ORDERS * DAYS // max(self.orders, 1)), 1)
        if self.orders < 500:
            days *= 5
        first = self.begin - self.begin % DAY + DAY
        ends = set(range(first, self.end, days * DAY)) | {self.outage[1], self.end}
        return sorted(end for end in ends if end > self.begin)

    def _foresee(self, begin: int, end: int) -> None:
        """Put on the agenda what the calendar brings in that time."""
        for midnight, buyers in self.spread(self.orders, begin, end):
            for _ in range(buyers):
                self.at(self.moment_of(midnight), self.purchase)
            self.club.foresee(midnight)
            self.at(midnight + 6 * HOUR, self.pay_out)
            day = datetime.fromtimestamp(midnight, UTC)
            if day.day == 1:
                self.at(midnight + 2 * HOUR, self._fee)
                # The yen rises and falls.
                rate = 0.0066 + 0.0003 * ((day.month % 6) - 3) / 3
                self.standin.set_rate("jpy", f"{rate:.6f}")

    def _work_off(self, end: int) -> None:
        while self._agenda and self._agenda[0][0] <= end:
            moment, _, deed = heapq.heappop(self._agenda)
            self.standin.advance_to(max(moment, self.begin))
            deed()
        self.standin.advance_to(end)

    def purchase(self) -> None:
        """Somebody buys: through Checkout, or by a payment that the shop's app makes itself."""
        buyer = self.shop.some_buyer()
        if self.random.random() < 0.07:
            self.purchase_in_app(buyer)
            return
        session = self.shop.start_checkout(buyer)
        if self.random.random() < 0.05:
            self.later(1, 1, lambda: self._expire(session))
            return
        paid = self.shop.pay(session, buyer)
        if paid is None:
            self.later(1, 1, lambda: self._expire(session))
        elif paid["payment_status"] == "unpaid":
            succeeds = self.random.random() < 0.9
            self.later(2, 5, lambda: self._bank_answers(session["id"], succeeds, buyer))
        elif paid["payment_intent"]:
            self.aftermath.draw(paid["payment_intent"], paid["amount_total"])

    def purchase_in_app(self, buyer: Buyer) -> None:
        """A payment without Checkout. It names the app's order mostly; some name none."""
        _, amount = self.shop.basket(buyer.currency)
        named = self.random.random() < 0.7
        order = self.app_order(buyer, amount) if named else None
        self.aftermath.draw(self.pay_in_app(buyer, amount, order), amount)

    def app_order(self, buyer: Buyer, total: int, *, told: int | None = None) -> ShopOrder:
        """An order that the app takes now, and tells us of now, or at ``told``."""
        order = ShopOrder(
            number=f"A-{next(self._numbers)}",
            currency=buyer.currency,
            total=total,
            placed_at=self.standin.now - 40,
            name=buyer.name,
            email=buyer.email,
            customer=buyer.customer,
        )
        self.people(Told(told or order.placed_at, order, late=told is not None))
        return order

    def pay_in_app(self, buyer: Buyer, amount: int, order: ShopOrder | None) -> str:
        """The buyer pays by the app; the payment intent's id."""
        metadata = {"order": order.number} if order else {}
        intent = self.standin.create_payment(
            amount, buyer.currency, customer=buyer.customer, metadata=metadata
        )
        self.aftermath.expect(intent["id"])
        return str(intent["id"])

    def pay_out(self) -> None:
        """The daily payouts, which arrive two days later; a bank refuses one of them."""
        for currency in SETTLEMENT:
            payout = self.standin.payout_now(currency)
            if payout:
                # Not of the last: until a later one is paid, somebody has to do something.
                refused = self.random.random() < 0.004 and self.standin.now < self.end - QUIET
                self.later(0.5, 0.5, partial(self._move, payout["id"], "in_transit"))
                status = "failed" if refused else "paid"
                self.later(2, 2, partial(self._move, payout["id"], status))

    def _move(self, payout: str, status: str) -> None:
        self.standin.move_payout(payout, status)
        if status == "failed":
            now = self.standin.now
            self.people(Looked(now + HOUR, ("payout_failed",)))
            self.people(Looked(now + 5 * DAY, ("payout_failed",)))

    def bears(self, amount: int, currency: str) -> bool:
        """Whether the shop's balance at Stripe has that much, with what is pending."""
        balance = self.standin.api("GET", "/v1/balance")
        held = [*balance["available"], *balance["pending"]]
        return amount <= sum(int(one["amount"]) for one in held if one["currency"] == currency)

    def _fee(self) -> None:
        """Stripe's fee of the month, once there is something to take it from."""
        if self.bears(FEE, SETTLEMENT[0]):
            self.standin.add_fee(FEE, SETTLEMENT[0], "Billing - Usage Fee")
        else:
            self.later(1, 1, self._fee)

    def _expire(self, session: Obj) -> None:
        self.standin.expire_checkout(session["id"])

    def _bank_answers(self, session: str, succeeds: bool, buyer: Buyer) -> None:
        answered = self.standin.finish_checkout(session, succeeds)
        if succeeds:
            self.aftermath.draw(answered["payment_intent"], answered["amount_total"])
