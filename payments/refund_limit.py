"""From which amount on whoever asks for a refund says again who they are."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings

from payments.money import exponent

Money = tuple[int, str]  # minor units and their currency


def limit(currency: str) -> int | None:
    """The largest amount of ``currency``, in minor units, that needs no more than being signed in;
    None where none does."""
    limits: dict[str, Decimal] = settings.REFUND_CONFIRM_ABOVE
    major = limits.get(currency, limits.get(""))
    return None if major is None else int(major.scaleb(exponent(currency)))


def above_limit(amounts: Iterable[Money]) -> bool:
    """Whether a currency's sum of ``amounts``, each (minor units, currency), is above its limit.

    Many small refunds at once are one large one.
    """
    sums: dict[str, int] = {}
    for amount, currency in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return any((most := limit(key)) is not None and total > most for key, total in sums.items())
