"""Control: what customers, banks and Stripe do to payments, refunds, disputes, payouts."""

from __future__ import annotations

from typing import cast

from . import balance, charges, disputes, payment_attempts, payments, payouts, refunds
from .api import copied
from .base import Base
from .errors import Obj, invalid
from .payment_methods import METHODS


class MoneyControl(Base):
    """Operations on money that no API call makes."""

    def create_payment(
        self,
        amount: int,
        currency: str = "usd",
        *,
        payment_method: str = "pm_card_visa",
        customer: str | None = None,
        metadata: dict[str, str] | None = None,
        description: str | None = None,
        capture_method: str = "automatic_async",
    ) -> Obj:
        """A payment intent that is created and confirmed; answers the intent.

        A declined one is answered too (``requires_payment_method``) and doesn't raise.
        """
        params = {
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "capture_method": capture_method,
            "metadata": metadata or {},
        }
        if customer:
            params["customer"] = customer
        if description:
            params["description"] = description
        with self.world.lock:
            self.api_side.changed = True
            intent = payments.create(self.world, params)
            payment_attempts.attempt(self.world, intent, raises=False)
            return cast(Obj, copied(intent))

    def authenticate_payment(self, payment_intent: str, succeeds: bool = True) -> Obj:
        """The customer passes or fails 3-D Secure of an intent in ``requires_action``."""
        return cast(
            Obj,
            self._act(
                "payment_intent", payment_intent, payment_attempts.authenticate, succeeds=succeeds
            ),
        )

    def finish_payment(
        self, payment_intent: str, succeeds: bool = True, code: str = "insufficient_funds"
    ) -> Obj:
        """The bank answers for an intent that is ``processing`` (``pm_sepa``).

        A Checkout Session or an invoice that waits for it goes on with it.
        """
        return cast(
            Obj,
            self._act(
                "payment_intent",
                payment_intent,
                payment_attempts.finish_processing,
                succeeds=succeeds,
                code=code,
            ),
        )

    def settle_captures(self) -> list[Obj]:
        """Bring the balance transactions that ``async_capture`` held back; the charges."""
        with self.world.lock:
            return cast(list[Obj], copied(charges.settle_captures(self.world)))

    def next_refund(self, outcome: str, count: int = 1) -> None:
        """How the next refunds go, unless their ``metadata[standin]`` says otherwise.

        ``succeed``, ``pending``, ``fail_later``, ``insufficient_funds``, ``requires_action``.
        """
        if outcome not in refunds.OUTCOMES:
            raise invalid(f"A refund can't come out as {outcome}.", "outcome")
        with self.world.lock:
            queue = self.world.next_outcomes.setdefault("refund", [])
            queue.extend({"outcome": outcome} for _ in range(count))

    def succeed_refund(self, refund: str) -> Obj:
        """A refund that is ``pending`` or ``requires_action`` arrives."""
        return cast(Obj, self._act("refund", refund, refunds.succeed))

    def fail_refund(self, refund: str, reason: str = "expired_or_canceled_card") -> Obj:
        """A refund fails, even a succeeded one: its money comes back to the balance."""
        return cast(Obj, self._act("refund", refund, refunds.fail, reason))

    def cancel_refund(self, refund: str) -> Obj:
        """A refund that ``requires_action`` is canceled."""
        return cast(Obj, self._act("refund", refund, refunds.cancel))

    def settle_refunds(self) -> list[Obj]:
        """Every refund whose outcome is to come gets it; answers those refunds.

        ``pending`` and ``requires_action`` succeed, ``fail_later`` and ``insufficient_funds``
        fail.
        """
        with self.world.lock:
            self.api_side.changed = True
            return cast(list[Obj], copied(refunds.settle_planned(self.world)))

    def create_dispute(
        self,
        charge: str,
        reason: str = "fraudulent",
        amount: int | None = None,
        status: str = "needs_response",
        due_days: int = 7,
    ) -> Obj:
        """The bank disputes a charge (``ch_…`` or its ``pi_…``).

        ``status`` may also be ``warning_needs_response`` (an inquiry) or ``prevented``.
        """
        with self.world.lock:
            self.api_side.changed = True
            id_ = charge
            if charge.startswith("pi_"):
                id_ = str(self.world.get("payment_intent", charge)["latest_charge"])
            found = self.world.get("charge", id_)
            dispute = disputes.open_dispute(
                self.world,
                found,
                reason=reason,
                amount=amount,
                status=status,
                due_days=due_days,
            )
            return cast(Obj, copied(dispute))

    def resolve_dispute(self, dispute: str, status: str, return_fee: bool = False) -> Obj:
        """The bank decides: ``won``, ``lost``, ``warning_closed`` or ``prevented``."""
        return cast(
            Obj,
            self._act("dispute", dispute, disputes.resolve, status, return_fee=return_fee),
        )

    def escalate_dispute(self, dispute: str) -> Obj:
        """An inquiry becomes a chargeback: money and fee are withdrawn."""
        return cast(Obj, self._act("dispute", dispute, disputes.escalate))

    def appeal_dispute(self, dispute: str) -> Obj:
        """A lost dispute is reopened: ``appeal_needs_response``."""
        return cast(Obj, self._act("dispute", dispute, disputes.appeal))

    def add_fee(self, amount: int, currency: str = "usd", description: str = "Billing") -> Obj:
        """A fee that Stripe takes by itself: a transaction of category ``fee``."""
        with self.world.lock:
            self.api_side.changed = True
            transaction = balance.add_transaction(
                self.world,
                type_="stripe_fee",
                category="fee",
                amount=-amount,
                currency=currency,
                source=None,
                description=description,
            )
            return cast(Obj, copied(transaction))

    def payout_now(self, currency: str | None = None) -> Obj | None:
        """The daily automatic payout of all that is available; ``None`` if that is nothing."""
        with self.world.lock:
            self.api_side.changed = True
            return cast("Obj | None", copied(payouts.pay_out(self.world, currency)))

    def move_payout(self, payout: str, status: str, failure_code: str = "account_closed") -> Obj:
        """A payout goes on: ``in_transit``, ``paid``, ``failed`` (even once paid), ``canceled``."""
        return cast(Obj, self._act("payout", payout, payouts.move, status, failure_code))

    def set_rate(self, currency: str, usd: str) -> None:
        """From now on one major unit of ``currency`` is worth ``usd`` dollars."""
        with self.world.lock:
            self.world.settings.rates[currency] = str(usd)

    def payment_methods(self) -> list[str]:
        """The test tokens that the stand-in knows."""
        return sorted(METHODS)
