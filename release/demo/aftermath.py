"""What follows a payment in the demo's past: nothing mostly, else a refund or a dispute."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from release.demo.acts import OPERATOR, Asked, Decided, Looked, Remedied
from standin.errors import ApiError

if TYPE_CHECKING:
    from release.demo.history import History

HOUR = 3_600
DAY = 24 * HOUR
# Nothing that somebody must answer happens later than so long before the end.
QUIET = 9 * DAY
LONGEST = 90 * DAY  # until a dispute is decided
DISPUTE_FEE = 2_500  # more than Stripe takes for one, in minor units of what is settled in

Deed = Callable[[], None]


class Aftermath:
    """Draws what becomes of payments, and puts it on the history's agenda."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.random = history.random
        self.standin = history.standin
        self.shop = history.shop
        self.later = history.later
        self._requests = count()
        self._expected: dict[str, int] = {}

    def expect(self, intent: str) -> None:
        """Note that something may still happen to a payment."""
        self._expected[intent] = self.standin.now + LONGEST

    def pending(self, now: int) -> Iterable[str]:
        """The payments that something may still happen to."""
        self._expected = {key: until for key, until in self._expected.items() if until > now}
        return self._expected

    def draw(self, intent: str, amount: int) -> None:
        """What may follow a payment: nothing mostly, else a refund or a dispute."""
        fate = self.random.random()
        if fate < 0.076:
            self.expect(intent)
        if fate < 0.04:
            outcome = self.random.choices(("succeed", "fail_later"), (30, 1))[0]
            back = partial(self.refund, intent, amount, "returned", outcome)
            self.later(0.5, 16, lambda: self.once_borne(intent, amount, back))
        elif fate < 0.07:
            part = max(amount * self.random.choice((20, 25, 40, 50)) // 100, 1)
            outcome = self.random.choices(("succeed", "pending"), (6, 1))[0]
            back = partial(self.refund, intent, part, "arrived damaged", outcome)
            self.later(0.5, 21, lambda: self.once_borne(intent, part, back))
        elif fate < 0.076:
            back = partial(self.dispute, intent)
            self.later(4, 35, lambda: self.once_borne(intent, amount, back))

    def once_borne(self, intent: str, amount: int, back: Deed) -> None:
        """Give ``amount`` of a payment back once the balance bears it, or see again a day later: a
        small shop would owe Stripe money in the end, by the chance of which day that is."""
        charge = self.standin.get(self.standin.get(intent)["latest_charge"])
        paid = self.standin.get(charge["balance_transaction"])
        # A tenth more, for the rate of a currency that is exchanged.
        taken = paid["amount"] * amount * 11 // (charge["amount"] * 10) + DISPUTE_FEE
        if self.history.bears(taken, paid["currency"]):
            back()
        else:
            self.later(1, 1, partial(self.once_borne, intent, amount, back))

    def refund(
        self,
        intent: str,
        amount: int,
        reason: str,
        outcome: str = "succeed",
        stripe_reason: str = "requested_by_customer",
        *,
        exactly: bool = False,
        follow: Deed | None = None,
    ) -> None:
        """The operator gives back ``amount`` of a payment, and does what is to ``follow``; nothing
        happens where the buyer's bank was faster."""
        if self.standin.now > self.history.end - QUIET:
            outcome = "succeed"
        request = uuid5(NAMESPACE_URL, f"demo:{self.history.seed}:{next(self._requests)}")
        # As payments.refunds has it, so that the refund settles the operator's request.
        metadata = {"refund_request": str(request), "reason": reason}
        try:
            refund = self.shop.refund(intent, amount, outcome, stripe_reason, metadata)
        except ApiError:
            return  # it was charged back in the meantime
        at = self.standin.now - 2
        self.history.people(Asked(at, intent, amount, request, stripe_reason, reason, exactly))
        if outcome == "pending":
            self.later(2, 6, lambda: self._succeed_refund(refund["id"]))
        elif outcome == "fail_later":
            self.later(2, 3, lambda: self._fail_refund(refund["id"], intent, amount))
        if follow:
            follow()

    def _succeed_refund(self, refund: str) -> None:
        self.standin.succeed_refund(refund)

    def _fail_refund(self, refund: str, intent: str, amount: int) -> None:
        """The customer's card is gone: the operator agrees on another one, and refunds again."""
        self.standin.fail_refund(refund)
        now = self.standin.now
        self.history.people(
            Looked(now + HOUR, ("refund_failed",)),
            Decided(now + 3 * HOUR, OPERATOR, "acknowledged", "refund_failed", "Asked for a card"),
        )

        def note() -> None:
            done, why = self.standin.now + 600, "The customer has named another card"
            self.history.people(Remedied(done, OPERATOR, "refund_failed", "refund_part", why))

        again = "again, to another card"
        self.later(1, 2, lambda: self.refund(intent, amount, again, exactly=True, follow=note))

    def dispute(self, intent: str, verdict: str = "") -> None:
        """The buyer's bank disputes a payment; the shop answers, and the bank decides."""
        if self.standin.now > self.history.end - QUIET:
            return  # there would be no time to answer it
        reason = self.random.choice(("fraudulent", "product_not_received", "unrecognized"))
        try:
            dispute = self.standin.create_dispute(intent, reason)
        except ApiError:
            return  # it was refunded in the meantime
        verdict = verdict or self.random.choice(("won", "lost", "lost"))
        self.history.people(Looked(self.standin.now + HOUR, ("dispute_needs_answer",)))
        self.later(1, 6, lambda: self._answer_dispute(dispute["id"]))
        self.later(18, 40, lambda: self._resolve(dispute["id"], verdict))

    def _answer_dispute(self, dispute: str) -> None:
        evidence = {"uncategorized_text": "The parcel was delivered and signed for."}
        self.standin.api("POST", f"/v1/disputes/{dispute}", {"evidence": evidence})
        self.history.people(Looked(self.standin.now + HOUR, ("dispute_needs_answer",)))

    def _resolve(self, dispute: str, verdict: str) -> None:
        self.standin.resolve_dispute(dispute, verdict)
