"""Keeps the demo alive: while it runs, people buy.

Every twenty seconds at first, so that there is something to see, then ever less often, so that
today doesn't dwarf the shop's past.
"""

from __future__ import annotations

import logging
import threading
from random import Random

from release.demo.shop import SETTLEMENT, Shop
from standin import StandIn
from standin.errors import ApiError

logger = logging.getLogger(__name__)
DAY = 86_400
FIRST_PAUSE, LONGEST_PAUSE = 20.0, 600.0  # seconds
SLOWER = 1.12


class Traffic:
    """Buyers, banks and the calendar, in a thread of its own; the clock is real."""

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.random = Random()
        self.shop = Shop(standin, self.random)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-traffic", daemon=True)

    def start(self) -> None:
        self.shop.reopen()
        self._thread.start()

    def stop(self) -> None:
        """Let nobody buy any more; returns when the last one has."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.wait(pause * self.random.uniform(0.4, 1.3)):
            try:
                self.turn()
            except Exception:
                logger.exception("something went wrong in the demo's shop")
            pause = min(pause * SLOWER, LONGEST_PAUSE)

    def turn(self) -> None:
        """One purchase, and what has fallen due by now."""
        self.standin.bill_due()
        self.pay_out()
        buyer = self.shop.some_buyer()
        paid = self.shop.pay(self.shop.start_checkout(buyer), buyer)
        if paid and paid["payment_status"] == "unpaid":
            self.standin.finish_checkout(paid["id"])
        if self.random.random() < 0.08:
            self.standin.settle_refunds()

    def pay_out(self) -> None:
        """A payout a day and currency; it has arrived two days later."""
        now = self.standin.now
        payouts = self.standin.api("GET", "/v1/payouts", {"limit": 20})["data"]
        for payout in payouts:
            if payout["status"] in ("pending", "in_transit") and payout["arrival_date"] <= now:
                self.standin.move_payout(payout["id"], "paid")
        for currency in SETTLEMENT:
            last = max((p["created"] for p in payouts if p["currency"] == currency), default=0)
            if now - last >= DAY:
                try:
                    self.standin.payout_now(currency)
                except ApiError as error:
                    logger.info("no payout in %s: %s", currency, error)
