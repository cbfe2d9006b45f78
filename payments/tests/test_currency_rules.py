"""Money as people read and write it, by Stripe's own rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import (
    MINUS,
    BadAmount,
    exponent,
    format_money,
    format_number,
    parse_money,
    step,
)

# https://docs.stripe.com/currencies#zero-decimal, #three-decimal and #special-cases.
NO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD JOD KWD OMR TND"
TWO_IN_THE_API_AND_NONE_IN_USE = "ISK UGX"
# Two decimals when charged, whole units only when paid out.
TWO_DECIMALS = "USD EUR GBP CHF HUF TWD"


@pytest.mark.parametrize(
    ("currencies", "decimals", "smallest"),
    [
        (NO_DECIMALS, 0, 1),
        (THREE_DECIMALS, 3, 10),
        (TWO_IN_THE_API_AND_NONE_IN_USE, 2, 100),
        (TWO_DECIMALS, 2, 1),
    ],
)
def test_the_table_is_stripes(currencies, decimals, smallest):
    for currency in currencies.lower().split():
        assert (exponent(currency), step(currency)) == (decimals, smallest), currency


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_456, "gbp", "1,234.56 GBP"),
        (-5, "gbp", "−0.05 GBP"),
        (1_000, "jpy", "1,000 JPY"),
        (0, "jpy", "0 JPY"),
        (1_234, "kwd", "1.234 KWD"),
        (-1_234_560, "kwd", "−1,234.560 KWD"),
        (100_000, "isk", "1,000.00 ISK"),
        (500_000, "ugx", "5,000.00 UGX"),
        (2**63 - 1, "usd", "92,233,720,368,547,758.07 USD"),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(amount, currency, text):
    assert format_money(amount, currency) == text


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("12.5", "gbp", 1_250),
        (" 1,234.56 ", "gbp", 123_456),
        ("1000", "jpy", 1_000),
        ("1,000", "jpy", 1_000),
        ("1.23", "kwd", 1_230),
        ("1.230", "kwd", 1_230),
        ("1000", "isk", 100_000),
        ("1,000.00", "isk", 100_000),
        ("5000", "ugx", 500_000),
    ],
)
def test_what_a_person_writes_becomes_minor_units(text, currency, amount):
    assert parse_money(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "why"),
    [
        ("1.234", "gbp", "GBP has 2 decimals"),
        ("1.5", "jpy", "JPY has 0 decimals"),
        ("1.2345", "kwd", "KWD has 3 decimals"),
        ("1.234", "kwd", r"Stripe takes 1.230 KWD or 1.240 KWD"),
        ("10.50", "isk", r"Stripe takes 10.00 ISK or 11.00 ISK"),
        ("0.01", "ugx", r"Stripe takes 0.00 UGX or 1.00 UGX"),
        ("ten", "gbp", "not an amount"),
        ("", "gbp", "not an amount"),
        ("NaN", "gbp", "not an amount|out of range"),
        ("1e99", "gbp", "not an amount|out of range"),
    ],
)
def test_what_stripe_wouldnt_take_is_refused_with_the_reason(text, currency, why):
    with pytest.raises(BadAmount, match=why):
        parse_money(text, currency)


@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(["gbp", "jpy", "kwd", "isk", "ugx"]),
)
def test_what_is_written_can_be_read_again(units, currency):
    amount = units * step(currency)
    written = format_number(amount, currency).replace(MINUS, "-")
    assert parse_money(written, currency) == amount
