"""A hundred days of a shop's money with a bit of everything, the same each time."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from analyticsapp.tests.shop import at
from payments.models import BalanceTransaction, Charge, Dispute, Refund

LAST = at(24, 23)
DAYS = 100
# What Stripe gives for a unit that customers paid in; it settles euros and dollars as they are.
RATES = {"eur": ("eur", 1.0), "usd": ("usd", 1.0), "jpy": ("eur", 0.61), "gbp": ("usd", 1.27)}
COMMON: dict[str, Any] = {"livemode": False, "as_of": LAST}


class Trade:
    """The rows, made from one seed; ``save`` writes them."""

    def __init__(self, seed: int, charges: int = 150, last: datetime = LAST) -> None:
        self.random = Random(seed)
        self.last = last
        self.rows: list[Any] = []
        for n in range(charges):
            self.sell(n)
        self.of_the_account()

    def save(self) -> None:
        for model in (Charge, Refund, Dispute, BalanceTransaction):
            mine: list[Any] = [row for row in self.rows if type(row) is model]
            model._default_manager.bulk_create(mine)

    def some_time(self, since: datetime | None = None) -> datetime:
        earliest = since or self.last - timedelta(days=DAYS)
        return earliest + self.random.random() * (self.last - earliest)

    def sell(self, n: int) -> None:
        pick = self.random
        currency = pick.choice(["eur"] * 5 + ["usd"] * 3 + ["jpy", "gbp"])
        amount, when = pick.randint(500, 20_000), self.some_time()
        in_part = pick.random() < 0.08
        captured = amount * 7 // 10 if in_part else amount
        fate = pick.random()
        late = timedelta(hours=pick.choice([0, 0, 0, 0.1, 3, 30]))
        charge = Charge(
            id=f"ch_t{n}",
            amount=amount,
            amount_captured=captured,
            currency=currency,
            created=when,
            captured_at=when,
            status="succeeded",
            # Few name none yet; some of these are its source's nonetheless.
            balance_transaction_id=None if fate < 0.06 else f"txn_t{n}",
            **COMMON,
        )
        self.rows.append(charge)
        if fate > 0.04:
            self.book(f"txn_t{n}", currency, amount, when + late, "charge", f"ch_t{n}", fee=True)
        if in_part:
            self.give_back(charge, n, amount - captured, "partial_capture_reversal", when)
        elif pick.random() < 0.2:
            part = pick.choice([captured, captured // 3])
            self.give_back(charge, n, part, "refund", self.some_time(when))
        if pick.random() < 0.07:
            self.dispute(charge, n)
        if pick.random() < 0.03:
            self.book(
                f"txn_f{n}", currency, -captured, self.some_time(when), "charge_failure", f"ch_t{n}"
            )

    def give_back(self, charge: Charge, n: int, amount: int, category: str, when: datetime) -> None:
        failed = category == "refund" and self.random.random() < 0.3
        back = self.some_time(when) if failed else None
        self.rows.append(
            Refund(
                id=f"re_{n}",
                charge_id=charge.pk,
                amount=amount,
                currency=charge.currency,
                status="failed" if failed else "succeeded",
                created=when,
                succeeded_at=when,
                failed_at=back,
                balance_transaction_id=None if self.random.random() < 0.2 else f"txn_r{n}",
                failure_balance_transaction_id=f"txn_b{n}" if failed else None,
                **COMMON,
            )
        )
        late = timedelta(hours=self.random.choice([0, 20]))
        self.book(f"txn_r{n}", charge.currency, -amount, when + late, category, f"re_{n}")
        if back:
            self.book(f"txn_b{n}", charge.currency, amount, back, "refund_failure", f"re_{n}")

    def dispute(self, charge: Charge, n: int) -> None:
        status = self.random.choice(["won", "lost", "needs_response", "warning_closed"])
        opened = self.some_time(charge.captured_at)
        self.rows.append(
            Dispute(
                id=f"dp_{n}",
                charge_id=charge.pk,
                amount=charge.amount_captured,
                currency=charge.currency,
                status=status,
                created=opened,
                **COMMON,
            )
        )
        taken, currency = charge.amount_captured, charge.currency
        if status not in Dispute.MOVES_NO_MONEY:
            self.book(f"txn_d{n}", currency, -taken, opened, "dispute", f"dp_{n}", fee=True)
        if status == "won":
            when = self.some_time(opened)
            self.book(f"txn_w{n}", currency, taken, when, "dispute_reversal", f"dp_{n}")

    def of_the_account(self) -> None:
        for n, category in enumerate(
            ["fee", "fee", "other_adjustment", "tax", "moon_tax", "refund", "charge"]
            + ["payout"] * 12
            + ["payout_reversal"]
        ):
            currency = self.random.choice(["eur", "usd"])
            amount = self.random.randint(100, 9_000) * (1 if "reversal" in category else -1)
            self.book(f"txn_a{n}", currency, amount, self.some_time(), category, "")

    def book(
        self,
        key: str,
        currency: str,
        amount: int,
        when: datetime,
        category: str,
        source: str,
        *,
        fee: bool = False,
    ) -> None:
        settled_in, rate = RATES[currency]
        booked = round(amount * rate)
        taken = 30 + abs(booked) // 34 if fee else 0
        tax = taken // 6
        told = [("stripe_fee", taken - tax - fee * 2), ("tax", tax)]  # two are told of nowhere
        self.rows.append(
            BalanceTransaction(
                id=key,
                created=when,
                available_on=when,
                currency=settled_in,
                amount=booked,
                fee=taken,
                net=booked - taken,
                fee_details=[{"type": kind, "amount": one} for kind, one in told if one],
                type="stripe_fee" if category == "fee" else category,
                reporting_category=category,
                source=source,
                status="available",
                **COMMON,
            )
        )
