"""Taking values out of Stripe's JSON, with an error that names the field when one is off.

What is stored must be what was said, so nothing is guessed or cut: a value that can't be kept makes
the observation bad, which is recorded with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Json = Mapping[str, Any]

MAX_ID = 255
MAX_WORD = 64
# Far above what Stripe allows, far below what a sum over all rows could overflow with.
MAX_AMOUNT = 10**15
MAX_TIME = 7_258_118_400  # 2200-01-01
IDENTIFIER = re.compile(r"[\x21-\x7e]{1,255}")
CURRENCY = re.compile(r"[a-z]{3}")


class BadPayload(ValueError):
    """The observation can't be understood; the message names the field and what is wrong."""


def text(obj: Json, key: str) -> str:
    """A free text; absent or null is empty."""
    value = obj.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadPayload(f"{key} is {_kind(value)}, not a text")
    return value


def word(obj: Json, key: str, default: str = "") -> str:
    """A word of Stripe's vocabulary, kept as it came, known or not."""
    value = text(obj, key) or default
    if len(value) > MAX_WORD:
        raise BadPayload(f"{key} has {len(value)} characters, more than {MAX_WORD}")
    return value


def required_word(obj: Json, key: str) -> str:
    value = word(obj, key)
    if not value:
        raise BadPayload(f"{key} is missing")
    return value


def short(obj: Json, key: str) -> str:
    """A text that is an identifier of somebody's, such as an order's number."""
    value = text(obj, key)
    if len(value) > MAX_ID:
        raise BadPayload(f"{key} has {len(value)} characters, more than {MAX_ID}")
    return value


def identifier(obj: Json, key: str) -> str:
    """The id of an object that is to be kept itself."""
    value = obj.get(key)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise BadPayload(f"{key} is not an id of at most {MAX_ID} characters")
    return value


def reference(obj: Json, key: str) -> str | None:
    """The id of another object, whether it came as an id or expanded; None where there is none."""
    value = obj.get(key)
    if isinstance(value, Mapping):
        value = value.get("id")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadPayload(f"{key} is {_kind(value)}, not an id")
    if len(value) > MAX_ID:
        raise BadPayload(f"{key} has {len(value)} characters, more than {MAX_ID}")
    return value


def amount(obj: Json, key: str) -> int:
    """Minor units.

    Raises:
        BadPayload: missing, not an integer, or absurdly large.
    """
    value = optional_amount(obj, key)
    if value is None:
        raise BadPayload(f"{key} is missing")
    return value


def optional_amount(obj: Json, key: str) -> int | None:
    value = obj.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadPayload(f"{key} is {_kind(value)}, not an integer")
    if abs(value) > MAX_AMOUNT:
        raise BadPayload(f"{key} is out of range")
    return value


def not_negative(value: int, key: str) -> int:
    if value < 0:
        raise BadPayload(f"{key} is negative")
    return value


def count(obj: Json, key: str) -> int:
    """A number that can't be negative; absent is 0."""
    value = optional_amount(obj, key) or 0
    if not 0 <= value < 2**31:
        raise BadPayload(f"{key} is out of range")
    return value


def currency(obj: Json, key: str = "currency") -> str:
    value = optional_currency(obj, key)
    if not value:
        raise BadPayload(f"{key} is missing")
    return value


def optional_currency(obj: Json, key: str = "currency") -> str:
    value = text(obj, key)
    if value and not CURRENCY.fullmatch(value):
        raise BadPayload(f"{key} is {value[:20]!r}, not three lower-case letters")
    return value


def flag(obj: Json, key: str, default: bool = False) -> bool:
    value = obj.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadPayload(f"{key} is {_kind(value)}, not true or false")
    return value


def moment(obj: Json, key: str) -> datetime | None:
    """A Unix time as aware UTC; None where there is none."""
    value = obj.get(key)
    if value is None:
        return None
    return from_unix(value, key)


def from_unix(value: object, key: str) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadPayload(f"{key} is {_kind(value)}, not a Unix time")
    if not 0 <= value <= MAX_TIME:
        raise BadPayload(f"{key} is out of range")
    return datetime.fromtimestamp(value, UTC)


def decimal(obj: Json, key: str, *, digits: int, places: int) -> Decimal | None:
    """A decimal that Stripe sends as a text or a number, within the column that holds it."""
    value = obj.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadPayload(f"{key} is {_kind(value)}, not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadPayload(f"{key} is not a number") from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** (digits - places):
        raise BadPayload(f"{key} is out of range")
    return round(number, places)


def part(obj: Json, *keys: str) -> Json:
    """The object at the end of a path; empty where any step is absent or null."""
    value: Any = obj
    for key in keys:
        value = value.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise BadPayload(f"{key} is {_kind(value)}, not an object")
    return value  # type: ignore[no-any-return]


def listed(obj: Json, key: str) -> list[Any]:
    """The entries of a Stripe list (``{"data": […]}``) or of a plain one; empty where absent."""
    value = obj.get(key)
    if isinstance(value, Mapping):
        value = value.get("data")
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadPayload(f"{key} is {_kind(value)}, not a list")
    return value


def objects(obj: Json, key: str) -> Iterator[Json]:
    """The entries of a list that are objects; ids that stand in for objects are passed over."""
    for entry in listed(obj, key):
        if isinstance(entry, Mapping):
            yield entry


def metadata(obj: Json) -> dict[str, str]:
    """Metadata; a null value is one that isn't there (``previous_attributes`` has them)."""
    return {
        key: value if isinstance(value, str) else str(value)
        for key, value in part(obj, "metadata").items()
        if value is not None
    }


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    return "a number" if isinstance(value, int | float) else type(value).__name__
