"""What counts as monthly recurring revenue: each rule that companies differ on, by its name.

The defaults are those that Stripe's own billing metrics have, where Stripe says what it does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction

from django.conf import settings

# How many of an interval a month has: a year has 52 weeks and 365 days.
A_MONTH = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


@dataclass(frozen=True)
class Conventions:
    """``statuses`` count towards MRR; others are worth nothing while they last.

    Coupons that run forever are always subtracted. ``limited_coupons`` says whether those that run
    out are, ``paused`` whether a subscription counts whose collection is paused.
    """

    statuses: frozenset[str] = frozenset({"active", "past_due"})
    limited_coupons: bool = False
    paused: bool = True

    def fingerprint(self) -> str:
        """A text that differs when the conventions do, so that figures are derived again."""
        rules = asdict(self) | {"statuses": sorted(self.statuses)}
        return ",".join(f"{name}={value}" for name, value in rules.items())


# The setting that says whether a status counts beside active, and what such subscriptions are.
BY_STATUS = {
    "trialing": ("MRR_COUNTS_TRIALS", "Trials"),
    "past_due": ("MRR_COUNTS_PAST_DUE", "Past due"),
    "unpaid": ("MRR_COUNTS_UNPAID", "Unpaid"),
}


def conventions() -> Conventions:
    """The conventions that the settings ask for."""
    asked = {status for status, (name, _) in BY_STATUS.items() if getattr(settings, name)}
    return Conventions(
        statuses=frozenset({"active", *asked}),
        limited_coupons=settings.MRR_SUBTRACTS_LIMITED_COUPONS,
        paused=settings.MRR_COUNTS_PAUSED,
    )
