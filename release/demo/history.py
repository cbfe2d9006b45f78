"""Half a year in the life of the demo's shop, lived through at the stand-in, with its clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random

from release.demo.shop import SETTLEMENT, Buyer, Obj, Shop, ShopOrder
from standin import StandIn
from standin.errors import ApiError

DAY = 86_400
HOUR = 3_600
APPS_FIRST = 3  # orders of the shop's own app that nothing happens to afterwards
DAYS = 190  # twice the longest window of the dashboard, and some more
# How many buy on which day of the week (from Monday) and in which hour (UTC), against one another.
WEEKDAYS = (10, 10, 11, 11, 12, 14, 13)
HOURS = (1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 10, 11, 10, 9, 9, 9, 10, 12, 13, 12, 9, 5, 2)

Progress = Callable[[int, int], None]
Deed = Callable[[], None]


class History:
    """What happens, and when: an agenda that grows while it is worked off."""

    def __init__(self, standin: StandIn, *, seed: int, orders: int, until: datetime) -> None:
        self.standin = standin
        self.random = Random(f"demo:{seed}")
        self.shop = Shop(standin, self.random)
        self.orders = orders
        self.end = int(until.timestamp())
        self.begin = self.end - DAYS * DAY
        self.shop_orders: list[ShopOrder] = []
        self.members: list[str] = []
        self._agenda: list[tuple[int, int, Deed]] = []
        self._order = count()

    def live(self, progress: Progress = lambda done, total: None) -> None:
        """Live through it all. The clock is real again afterwards."""
        self.standin.set_now(self.begin)
        self.shop.open()
        for moment in self.order_moments():
            self.at(moment, self.purchase)
        for number in range(self.orders // 18):
            moment = self.begin + self.random.randrange((DAYS - 3) * DAY)
            self.at(moment, self.join if number % 6 else self.leave)
        first_midnight = self.begin - self.begin % DAY + DAY
        for midnight in range(first_midnight, self.end, DAY):
            self.at(midnight + 6 * HOUR, self.pay_out)
            if datetime.fromtimestamp(midnight, UTC).day == 1:
                self.at(midnight + 2 * HOUR, lambda: self._fee(2900))
        done = 0
        while self._agenda:
            moment, _, deed = heapq.heappop(self._agenda)
            self.standin.advance_to(moment)
            deed()
            done += 1
            if done % 50 == 0:
                progress(done, done + len(self._agenda))
        self.standin.advance_to(self.end)
        self.standin.set_now(None)

    def at(self, moment: int, deed: Deed) -> None:
        """Put something on the agenda, unless it would be in the future."""
        if moment <= self.end:
            heapq.heappush(self._agenda, (moment, next(self._order), deed))

    def later(self, low: float, high: float, deed: Deed) -> None:
        """Put something on the agenda for between ``low`` and ``high`` days from now."""
        self.at(self.standin.now + int(self.random.uniform(low, high) * DAY), deed)

    def order_moments(self) -> list[int]:
        """When people buy: more and more of them, in the rhythm of week and day."""
        days = range(DAYS + 1)
        start = self.begin - self.begin % DAY
        weekday = datetime.fromtimestamp(start, UTC).weekday()
        weights = [
            (1 + 0.8 * day / DAYS) * WEEKDAYS[(weekday + day) % 7] * self.random.uniform(0.8, 1.25)
            for day in days
        ]
        found: list[int] = []
        while len(found) < self.orders:
            day = self.random.choices(days, weights)[0]
            hour = self.random.choices(range(24), HOURS)[0]
            moment = start + day * DAY + hour * HOUR + self.random.randrange(HOUR)
            if self.begin < moment < self.end - 300:
                found.append(moment)
        return sorted(found)

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
            self.aftermath(paid["payment_intent"], paid["amount_total"], buyer)

    def purchase_in_app(self, buyer: Buyer) -> None:
        """A payment without Checkout. It names the app's order mostly; some name none."""
        _, amount = self.shop.basket(buyer.currency)
        metadata = {}
        if self.random.random() < 0.7:
            number = f"A-{1000 + len(self.shop_orders)}"
            metadata["order"] = number
            self.shop_orders.append(
                ShopOrder(
                    number=number,
                    currency=buyer.currency,
                    total=amount,
                    placed_at=self.standin.now - 40,
                    name=buyer.name,
                    email=buyer.email,
                    customer=buyer.customer,
                )
            )
        intent = self.standin.create_payment(
            amount, buyer.currency, customer=buyer.customer, metadata=metadata
        )
        # What is wrong with the app's first orders is to be found as it was made.
        if len(self.shop_orders) > APPS_FIRST:
            self.aftermath(intent["id"], amount, buyer)

    def aftermath(self, intent: str, amount: int, buyer: Buyer) -> None:
        """What may follow a payment: nothing mostly, else a refund or a dispute."""
        fate = self.random.random()
        if fate < 0.045:
            outcome = self.random.choices(("succeed", "fail_later"), (30, 1))[0]
            self.later(0.5, 16, lambda: self._refund(intent, None, outcome))
        elif fate < 0.075:
            part = max(amount * self.random.choice((20, 25, 40, 50)) // 100, 1)
            outcome = self.random.choices(("succeed", "pending"), (6, 1))[0]
            self.later(0.5, 21, lambda: self._refund(intent, part, outcome))
        elif fate < 0.083:
            self.later(4, 35, lambda: self._dispute(intent))

    def join(self) -> None:
        """Somebody joins the coffee club; now and then a renewal won't be paid at once."""
        if self.random.random() < 0.12:
            self.standin.next_invoice_payment("failed")
        try:
            self.members.append(self.shop.join_club(self.shop.some_buyer())["id"])
        except ApiError:
            return  # the card was declined

    def leave(self) -> None:
        """A member of the club leaves at the end of the month."""
        if self.members:
            member = self.members.pop(self.random.randrange(len(self.members)))
            if self.standin.get(member)["status"] in ("active", "trialing"):
                self.shop.leave_club(member)

    def pay_out(self) -> None:
        """The daily payouts, which arrive two days later; a bank refuses one of them."""
        for currency in SETTLEMENT:
            payout = self.standin.payout_now(currency)
            if payout:
                # Not of the last: until a later one is paid, somebody has to do something.
                early = self.standin.now < self.end - 10 * DAY
                refused = self.random.random() < 0.008 and early
                self.later(0.5, 0.5, partial(self._move, payout["id"], "in_transit"))
                status = "failed" if refused else "paid"
                self.later(2, 2, partial(self._move, payout["id"], status))

    def _move(self, payout: str, status: str) -> None:
        self.standin.move_payout(payout, status)

    def _fee(self, amount: int) -> None:
        self.standin.add_fee(amount, SETTLEMENT[0], "Billing - Usage Fee")

    def _expire(self, session: Obj) -> None:
        self.standin.expire_checkout(session["id"])

    def _bank_answers(self, session: str, succeeds: bool, buyer: Buyer) -> None:
        answered = self.standin.finish_checkout(session, succeeds)
        if succeeds:
            self.aftermath(answered["payment_intent"], answered["amount_total"], buyer)

    def _refund(self, intent: str, amount: int | None, outcome: str) -> None:
        try:
            refund = self.shop.refund(intent, amount, outcome)
        except ApiError:
            return  # it was charged back in the meantime
        if outcome == "pending":
            self.later(2, 6, lambda: self._answer_refund(refund["id"], fails=False))
        elif outcome == "fail_later":
            self.later(3, 8, lambda: self._answer_refund(refund["id"], fails=True))

    def _answer_refund(self, refund: str, *, fails: bool) -> None:
        if fails:
            self.standin.fail_refund(refund)
        else:
            self.standin.succeed_refund(refund)

    def _dispute(self, intent: str) -> None:
        reason = self.random.choice(("fraudulent", "product_not_received", "unrecognized"))
        try:
            dispute = self.standin.create_dispute(intent, reason)
        except ApiError:
            return  # it was refunded in the meantime
        verdict = self.random.choice(("won", "lost", "lost"))
        self.later(1, 6, lambda: self._answer_dispute(dispute["id"]))
        self.later(18, 40, lambda: self._resolve(dispute["id"], verdict))

    def _answer_dispute(self, dispute: str) -> None:
        evidence = {"uncategorized_text": "The parcel was delivered and signed for."}
        self.standin.api("POST", f"/v1/disputes/{dispute}", {"evidence": evidence})

    def _resolve(self, dispute: str, verdict: str) -> None:
        self.standin.resolve_dispute(dispute, verdict)
