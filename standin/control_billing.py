"""Control: Checkout customers, subscriptions, and the clock that moves them."""

from __future__ import annotations

from typing import cast

from . import billing_clock, charges, checkout, payment_attempts
from .balance import mature
from .base import Base
from .clock import DAY
from .errors import Obj, invalid


class BillingControl(Base):
    """Operations that customers and time perform."""

    def complete_checkout(
        self,
        session: str,
        payment_method: str = "pm_card_visa",
        customer_details: Obj | None = None,
    ) -> Obj:
        """The customer finishes a Checkout Session; answers the session.

        Paid with a card, ``unpaid`` with ``pm_sepa`` until :meth:`finish_checkout`,
        ``no_payment_required`` when nothing is due. A declined card raises and leaves it open.
        """
        return cast(
            Obj,
            self._act(
                "checkout.session",
                session,
                checkout.complete,
                payment_method_token=payment_method,
                customer_details=customer_details,
            ),
        )

    def finish_checkout(self, session: str, succeeds: bool = True) -> Obj:
        """The bank answers for a session that completed unpaid: async succeeded or failed."""
        with self.world.lock:
            found = self.world.get("checkout.session", session)
            intent = found["payment_intent"]
            if intent is None and found["invoice"]:
                intent = self.world.note(found["invoice"]).get("payment_intent")
            if intent is None:
                raise invalid(f"Checkout Session {session} waits for no payment.")
            finish = payment_attempts.finish_processing
            self._act("payment_intent", intent, finish, succeeds=succeeds)
            return self.get(session)

    def expire_checkout(self, session: str) -> Obj:
        """An open session expires."""
        return cast(Obj, self._act("checkout.session", session, checkout.expire))

    def renew_subscription(self, subscription: str, outcome: str | None = None) -> Obj:
        """Begin the next period now and collect for it; answers the subscription.

        ``outcome``: ``paid``, ``failed``, ``processing``, ``requires_action``, or what the
        payment method does. One that is set to end at the period's end ends.
        """
        with self.world.lock:
            self._act("subscription", subscription, billing_clock.renew, outcome=outcome)
            return self.get(subscription)

    def retry_invoice(self, invoice: str, outcome: str | None = None) -> Obj:
        """Try again to collect an open invoice; after the last try dunning ends as set."""
        return cast(Obj, self._act("invoice", invoice, billing_clock.retry, outcome))

    def next_invoice_payment(self, outcome: str, count: int = 1) -> None:
        """How the next renewals are paid: ``paid``, ``failed``, ``processing``, …"""
        with self.world.lock:
            queue = self.world.next_outcomes.setdefault("invoice", [])
            queue.extend({"outcome": outcome} for _ in range(count))

    @property
    def now(self) -> int:
        """The time of what happens now; set it to stand still there, ``None`` for real time."""
        return self.clock.now

    @now.setter
    def now(self, at: int | None) -> None:
        self.set_now(at)

    def set_now(self, at: int | None) -> int:
        """Set the clock without doing what falls due; ``None`` goes back to real time."""
        with self.world.lock:
            self.clock.set(at)
            mature(self.world)
            return self.clock.now

    def advance(self, seconds: int = 0, *, minutes: int = 0, hours: int = 0, days: int = 0) -> int:
        """Move the clock on, doing at its moment all that falls due; the new time.

        Trials end, subscriptions renew, failed payments are retried, asynchronous captures
        settle and balance transactions become available. The clock stands still afterwards.
        """
        step = seconds + 60 * minutes + 3600 * hours + DAY * days
        if step < 0:
            raise invalid("The clock only advances; set it to go back.", "seconds")
        return self.advance_to(self.clock.now + step)

    def advance_to(self, at: int) -> int:
        """Like :meth:`advance`, up to a time."""
        with self.world.lock:
            self.api_side.changed = True
            self.clock.set(self.clock.now)
            charges.settle_captures(self.world)
            billing_clock.run_due(self.world, at, move_clock=True)
            self.clock.set(max(at, self.clock.now))
            mature(self.world)
            return self.clock.now

    def bill_due(self) -> int:
        """Do what has fallen due by now (with the real clock); answers how much that was."""
        with self.world.lock:
            self.api_side.changed = True
            return billing_clock.run_due(self.world, self.clock.now, move_clock=False)
