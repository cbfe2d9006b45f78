"""What went wrong in the demo's past, how it was found, and how people mended it.

Each is a story of its own, told by days before the end, so that it is there however few people
buy. The last one, if it is wanted, waits for whoever looks at the demo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from release.demo.acts import (
    OPERATOR,
    CalledOff,
    Decided,
    Drifted,
    Looked,
    Redelivered,
    Remedied,
)
from release.demo.shop import Buyer

if TYPE_CHECKING:
    from release.demo.history import History

HOUR = 3_600
DAY = 24 * HOUR
# Of the anomaly that is left: what the app told us that the order is worth, and what it took.
TOLD, TAKEN = 4200, 4900


class Incidents:
    """Puts the incidents on the history's agenda."""

    def __init__(self, history: History, *, anomaly: bool) -> None:
        self.history = history
        self.anomaly = anomaly

    def plan(self) -> None:
        end, at = self.history.end, self.history.at
        for days in (330, 190, 40):
            at(end - days * DAY, self.abandon)
        at(end - 300 * DAY, self.forget)
        at(end - 240 * DAY, self.pay_twice)
        at(end - 280 * DAY, lambda: self.doubt("won"))
        at(end - 145 * DAY, lambda: self.doubt("lost"))
        at(end - 36 * DAY, lambda: self.doubt("won"))
        at(end - 205 * DAY, self.give_back_in_vain)
        at(end - 165 * DAY, self.take_too_much)
        at(end - 95 * DAY, self.take_too_little)
        # From the morning to the evening: payouts and orders are among what is missed.
        outage = end - end % DAY - 60 * DAY + 5 * HOUR
        over = outage + 15 * HOUR
        self.history.outage = (outage, over)
        at(outage + 3 * HOUR, self.buy)
        self.history.people(
            Looked(over + 2 * HOUR, ("events_undelivered",)),
            Decided(
                over + 3 * HOUR,
                OPERATOR,
                "acknowledged",
                "events_undelivered",
                "The firewall refused Stripe all day; the sync has fetched what was missed",
            ),
            Redelivered(over + 14 * HOUR),
            Looked(over + 15 * HOUR, ("events_undelivered",)),
        )
        at(end - 24 * DAY, self.wait_for_transfer)
        drift = end - 12 * DAY
        self.history.people(
            Drifted(drift),
            Looked(drift + HOUR, ("snapshot_mismatch",)),
            Remedied(
                drift + 4 * HOUR,
                OPERATOR,
                "snapshot_mismatch",
                "rebuild_day",
                "Somebody tried out a query on the wrong database",
            ),
        )
        if self.anomaly:
            at(end - 9 * HOUR, self.leave_something)

    def buyer(self, currency: str = "eur") -> Buyer:
        """Somebody with a customer's id who pays in that currency."""
        name, email = "Marie Lang", f"marie.lang{self.history.standin.now}@example.com"
        return Buyer(name, email, currency, self.history.shop.new_customer(name, email))

    def buy(self) -> None:
        """Nothing goes wrong."""
        buyer = self.buyer()
        self.history.pay_in_app(buyer, 2900, self.history.app_order(buyer, 2900))

    def abandon(self) -> None:
        """An order of the app that nobody pays: it is canceled in the end."""
        now = self.history.standin.now
        order = self.history.app_order(self.buyer(), 3900)
        self.history.people(
            Looked(now + 8 * DAY, ("pending_late",)),
            CalledOff(now + 9 * DAY, order.number, "Nobody paid, and nobody answers"),
            Looked(now + 9 * DAY + HOUR, ("pending_late",)),
        )

    def forget(self) -> None:
        """The app doesn't tell us of an order that was paid, until somebody asks."""
        now, buyer = self.history.standin.now, self.buyer("usd")
        order = self.history.app_order(buyer, 8700, told=now + 2 * DAY)
        self.history.pay_in_app(buyer, 8700, order)
        check = "payment_without_order"
        why = "The app’s queue was stuck; it has told us of the order now"
        self.history.people(
            Looked(now + 2 * HOUR, (check,)),
            Decided(now + 5 * HOUR, OPERATOR, "acknowledged", check, "Asked those who run the app"),
            Remedied(now + 2 * DAY + HOUR, OPERATOR, check, "attach_payment", why),
        )

    def pay_twice(self) -> None:
        """A page didn't load, and the buyer pays again; the second payment goes back."""
        buyer = self.buyer()
        order = self.history.app_order(buyer, 5900)
        self.history.pay_in_app(buyer, 5900, order)
        second = self.history.pay_in_app(buyer, 5900, order)
        self._give_back(second, 5900, "several_payments", "refund_duplicate", "paid twice")

    def take_too_much(self) -> None:
        """The app took the old price of something that had become cheaper."""
        buyer = self.buyer("usd")
        order = self.history.app_order(buyer, 5200)
        intent = self.history.pay_in_app(buyer, 6100, order)
        self._give_back(intent, 900, "amount_mismatch", "refund_part", "the old price was taken")

    def _give_back(self, intent: str, amount: int, check: str, remedy: str, why: str) -> None:
        now = self.history.standin.now
        self.history.people(
            Looked(now + 2 * HOUR, (check,)),
            Decided(now + 4 * HOUR, OPERATOR, "acknowledged", check, "Looking into it"),
            Remedied(now + 26 * HOUR, OPERATOR, check, remedy, f"The customer {why}"),
        )
        reason = "duplicate" if check == "several_payments" else "requested_by_customer"
        self.history.at(
            now + 25 * HOUR,
            lambda: self.history.aftermath.refund(
                intent, amount, why, stripe_reason=reason, exactly=True
            ),
        )

    def give_back_in_vain(self) -> None:
        """A refund fails, as the card is closed, and is made again."""
        buyer = self.buyer()
        intent = self.history.pay_in_app(buyer, 6400, self.history.app_order(buyer, 6400))
        self.history.later(
            4, 5, lambda: self.history.aftermath.refund(intent, 6400, "returned", "fail_later")
        )

    def doubt(self, verdict: str) -> None:
        """A bank disputes a payment."""
        buyer = self.buyer()
        intent = self.history.pay_in_app(buyer, 4700, self.history.app_order(buyer, 4700))
        self.history.later(9, 12, lambda: self.history.aftermath.dispute(intent, verdict))

    def take_too_little(self) -> None:
        """A euro is missing, and isn't worth a letter."""
        now, buyer = self.history.standin.now, self.buyer()
        self.history.pay_in_app(buyer, 7800, self.history.app_order(buyer, 7900))
        why = "One euro, by a coupon of the app’s that we weren’t told of. Not worth a letter"
        self.history.people(
            Looked(now + 2 * HOUR, ("amount_mismatch",)),
            Decided(now + 30 * HOUR, OPERATOR, "accepted", "amount_mismatch", why),
        )

    def wait_for_transfer(self) -> None:
        """A café orders, and pays by bank transfer at the end of the quarter."""
        now = self.history.standin.now
        self.history.app_order(self.buyer(), 49_000)
        why = "Café Lang pays by bank transfer at the end of the quarter, as agreed"
        self.history.people(
            Looked(now + 8 * DAY, ("pending_late",)),
            Decided(now + 8 * DAY + HOUR, OPERATOR, "muted", "pending_late", why, days=90),
        )

    def leave_something(self) -> None:
        """The app took more than it told us that the order is worth. Nobody has looked yet."""
        buyer = self.buyer()
        self.history.pay_in_app(buyer, TAKEN, self.history.app_order(buyer, TOLD))
