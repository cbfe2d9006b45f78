"""What a log may not hold is taken out of each record before any formatter sees it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

MASK = "[redacted]"
# What a record has by itself; anything else on it was given as ``extra``.
ITS_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

SECRET_NAMES = (
    "password|passwd|secret|client_secret|token|access_token|refresh_token|api_key|apikey|secret_key"
    "|authorization|cookie|sessionid|csrftoken|stripe_signature|stripe-signature"
)
PERSONAL_NAMES = (
    "name|first_name|last_name|full_name|customer_name|cardholder_name|billing_name|shipping_name"
    "|given_name|family_name|e_mail|email|customer_email|receipt_email|phone|phone_number|address"
    "|line1|line2|city|postal_code|number|cvc|iban|account_number|tax_id"
)
NAMED = re.compile(rf"{SECRET_NAMES}|{PERSONAL_NAMES}", re.IGNORECASE)

# ``number`` alone is an order's, too: only the values below tell a card's.
IN_TEXT = re.compile(
    rf"""(?P<key>(?<![\w-])["']?(?:{SECRET_NAMES}|{PERSONAL_NAMES.replace("|number|", "|")})["']?
        \s*[:=]\s*)
        (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|
            (?:(?:bearer|basic)\s+)?(?:{re.escape(MASK)}|[^\s,;)}}\]"']+))""",
    re.IGNORECASE | re.VERBOSE,
)
# Each pattern reads a run of letters once, however long: a line may be a megabyte of them.
KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|rk|pk)_(?:live|test)_\w+|whsec_[\w+/=-]+)"
    r"|(?<!\w)\w+_[^\W_]+_secret_\w+"
)
BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
# Those that follow at once go with the first: what stands before them is no beginning of a run.
EMAIL = re.compile(rf"(?<!{LOCAL}){LOCAL}++@[\w-]+(?:\.[\w-]+)+(?:{LOCAL}*+@[\w.-]*)*")
DIGITS = re.compile(r"\d(?:[ -]?\d){12,}")
# Of all cards: https://www.iso.org/standard/70484.html (ISO/IEC 7812-1).
PAN_LENGTHS = range(19, 12, -1)


class RedactingFilter(logging.Filter):
    """Redacts the record itself, so it serves any formatter: its message with the arguments put in,
    the text of its exception (``exc_info`` is formatted here, once, and dropped, for a formatter
    would format it anew), its stack, and each field given as ``extra``.

    It belongs on handlers: a logger's filter isn't asked about what comes from loggers below it.
    Gone are e-mail addresses, card numbers, Stripe's keys, bearer tokens and client secrets
    wherever they stand, and the whole value of what is named as a secret or as a person's detail.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; it is always let through."""
        try:
            message = record.getMessage()
        except Exception:  # the handler reports such a record with its arguments: not with ours
            message = f"{record.msg} (its arguments don't fit)"
        record.msg, record.args = redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        for key in vars(record).keys() - ITS_OWN:
            setattr(record, key, redacted(key, getattr(record, key)))
        return True


def redacted(key: str, value: Any) -> Any:
    """The value of a field: masked whole where its name says what it is, else what may stand of it.
    Of what isn't plain data, its text."""
    if value is None or isinstance(value, bool):
        return value
    if NAMED.fullmatch(key):
        return MASK
    match value:
        case int() | float():
            return value if redact(str(value)) == str(value) else MASK
        case Mapping():
            return {redact(str(name)): redacted(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redacted("", inner) for inner in value]
    return redact(str(value))


def redact(text: str) -> str:
    """The text without what a log may not hold."""
    text = KEYS.sub(MASK, text)
    text = BEARER.sub(rf"\1 {MASK}", text)
    text = EMAIL.sub(MASK, text)
    text = IN_TEXT.sub(_value, text)
    return DIGITS.sub(_cards, text)


def _value(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['key']}{quote}{MASK}{quote}"


def _cards(found: re.Match[str]) -> str:
    """The run of digits with each card number in it masked."""
    text = found[0]
    at = [place for place, character in enumerate(text) if character.isdigit()]
    digits = [int(text[place]) for place in at]
    sums = luhn_sums(digits)
    result, shown, start = "", 0, 0
    while start <= len(digits) - PAN_LENGTHS[-1]:
        for end in (start + length for length in PAN_LENGTHS if 2 <= digits[start] <= 6):
            if end <= len(digits) and (sums[end % 2][end] - sums[end % 2][start]) % 10 == 0:
                result += text[shown : at[start]] + MASK
                start = end
                shown = at[end - 1] + 1
                break
        else:
            start += 1
    return result + text[shown:]


def luhn_sums(digits: list[int]) -> list[list[int]]:
    """Of the first so many digits the sums, each second digit doubled: for numbers that end after
    an even count of digits, and after an odd one. A number's check digit is right where what it
    adds can be divided by 10 (ISO/IEC 7812-1, annex B)."""
    pairs = [(digit, sum(divmod(2 * digit, 10))) for digit in digits]
    return [
        [*accumulate((pair[at % 2 == parity] for at, pair in enumerate(pairs)), initial=0)]
        for parity in (0, 1)
    ]
