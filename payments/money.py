"""Money as people read it: the one place that knows how many decimals a currency has."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

# https://docs.stripe.com/currencies — these tables are Stripe's, and differ from ISO 4217's:
# what counts is what the integer in the API means.
ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"}
    | {"pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
# Two decimals in the API, none in use: an amount of them always ends in 00.
WHOLE_UNITS = frozenset(["isk", "ugx"])
CURRENCY = re.compile(r"[a-z]{3}")
MINUS = "\N{MINUS SIGN}"


def step(currency: str) -> int:
    """What each amount of ``currency`` that Stripe takes is a multiple of, in minor units.

    100 where the two decimals aren't in use, and 10 of three decimals: the last one is always 0.
    """
    if currency in WHOLE_UNITS:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


class BadAmount(ValueError):
    """Not an amount of that currency; the message says why."""


def exponent(currency: str) -> int:
    """How many decimals Stripe's integer amounts of ``currency`` have: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def format_number(amount_minor: int, currency: str) -> str:
    """``-1234567`` of ``usd`` as ``−12,345.67``, without the currency's name."""
    digits = exponent(currency)
    value = f"{Decimal(abs(amount_minor)).scaleb(-digits):,.{digits}f}"
    return f"{MINUS}{value}" if amount_minor < 0 else value


def format_money(amount_minor: int, currency: str) -> str:
    """``123456`` of ``usd`` as ``1,234.56 USD``."""
    return f"{format_number(amount_minor, currency)} {currency.upper()}"


def parse_money(text: str, currency: str) -> int:
    """Minor units of an amount as a person writes it: ``12.50`` of ``usd`` is 1250.

    Raises:
        BadAmount: not a number, more decimals than the currency has, or finer than Stripe takes.
    """
    try:
        value = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise BadAmount(f"{text!r} is not an amount") from None
    if not value.is_finite() or abs(value) > 10**13:
        raise BadAmount(f"{text!r} is out of range")
    minor = value.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise BadAmount(f"{currency.upper()} has {exponent(currency)} decimals: {text!r}")
    amount = int(minor)
    if beyond := amount % step(currency):
        nearest = [format_money(amount - beyond + n, currency) for n in (0, step(currency))]
        raise BadAmount(f"Stripe takes {' or '.join(nearest)}, and nothing between: {text!r}")
    return amount
