"""Amounts as people write them, by the decimals that Stripe says a currency has."""

from __future__ import annotations

import pytest

from payments.money import BadAmount, format_number, parse_money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "usd", 1250),
        (" 12.5 ", "usd", 1250),
        ("12", "usd", 1200),
        ("1,234.56", "usd", 123456),
        ("10,000,000,000,000.000", "kwd", 10**16),
        ("-3.10", "gbp", -310),
        ("−3.10", "gbp", -310),
        ("500", "jpy", 500),
        ("1.234", "kwd", 1234),
        ("1500", "isk", 150000),
        ("0", "usd", 0),
        ("12.500", "usd", 1250),
    ],
)
def test_an_amount_is_read_by_its_currencys_decimals(text, currency, minor):
    assert parse_money(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "usd"),
        ("twelve", "usd"),
        ("12,50", "usd"),
        ("1,2,3", "usd"),
        ("1_000", "usd"),
        ("1e3", "usd"),
        ("NaN", "usd"),
        ("Infinity", "usd"),
        ("٣", "usd"),
        ("1.2.3", "usd"),
        ("$12", "usd"),
        ("12.505", "usd"),
        ("12.5", "jpy"),
        ("1.50", "isk"),
        ("1.2345", "kwd"),
        ("10,000,000,000,001", "usd"),
        ("1." + "0" * 30 + "1", "usd"),
        ("9" * 100_000, "usd"),
    ],
)
def test_what_is_no_amount_of_that_currency_is_refused(text, currency):
    with pytest.raises(BadAmount):
        parse_money(text, currency)


@pytest.mark.parametrize("currency", ["usd", "jpy", "kwd", "isk"])
@pytest.mark.parametrize("minor", [0, 100, -123456700, 10**13])
def test_what_is_written_is_read_again(currency, minor):
    assert parse_money(format_number(minor, currency), currency) == minor
