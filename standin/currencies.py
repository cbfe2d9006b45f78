"""Stripe's own currency rules (https://docs.stripe.com/currencies), which no library has."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from .errors import bad_parameter
from .names import names

ZERO_DECIMAL = frozenset(names("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"))
THREE_DECIMAL = frozenset(names("bhd jod kwd omr tnd"))
# Two decimals in the API for compatibility, and none in the world: amounts end in 00.
WHOLE_UNITS_ONLY = frozenset({"isk", "ugx"})

# US dollars for one major unit; any may be set by control.
DEFAULT_RATES: dict[str, str] = {
    "usd": "1", "eur": "1.10", "gbp": "1.27", "chf": "1.13", "cad": "0.73", "aud": "0.66",
    "jpy": "0.0067", "kwd": "3.25", "bhd": "2.65", "isk": "0.0072", "ugx": "0.00027",
    "sek": "0.095", "nok": "0.093", "dkk": "0.147", "pln": "0.25", "czk": "0.044",
    "huf": "0.0028", "krw": "0.00073", "inr": "0.012", "brl": "0.18", "mxn": "0.055",
    "sgd": "0.75", "nzd": "0.61", "vnd": "0.00004", "clp": "0.0011", "twd": "0.031",
}  # fmt: skip


def exponent(currency: str) -> int:
    """Decimals between the API's amount and one major unit."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """The smallest amount Stripe takes: 100 for ISK and UGX, 10 with three decimals."""
    if currency in WHOLE_UNITS_ONLY:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def check_amount(amount: int, currency: str, param: str = "amount") -> int:
    """``amount`` itself; 400 when it isn't a multiple of the currency's step."""
    size = step(currency)
    if amount % size:
        message = (
            f"Invalid amount: {amount}. Amounts in {currency.upper()} must be divisible by {size}."
        )
        raise bad_parameter(message, param, "parameter_invalid_integer")
    return amount


def rounded(amount: Decimal, currency: str) -> int:
    """``amount`` in minor units, rounded half up to the currency's step."""
    size = step(currency)
    return int((amount / size).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * size


def minor_rate(source: str, target: str, rates: dict[str, str]) -> Decimal:
    """What one minor unit of ``source`` is worth in minor units of ``target``.

    Stripe's ``exchange_rate``: amount in A times the rate is the amount in B.
    """
    major = Decimal(rates.get(source, "1")) / Decimal(rates.get(target, "1"))
    rate = major.scaleb(exponent(target) - exponent(source))
    return rate.quantize(Decimal("0.000000001"))
