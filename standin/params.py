"""Reading parameters: from a form they are strings, in process they may be typed already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from .errors import Obj, bad_parameter, missing_parameter, unknown_parameter

Params = Mapping[str, Any]


def text(params: Params, name: str, default: str | None = None) -> str | None:
    """A string, ``None`` when given empty (Stripe: unset), ``default`` when absent."""
    if name not in params:
        return default
    value = params[name]
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list)):
        raise bad_parameter(f"Invalid string: {value}", name, "parameter_invalid_string")
    return str(value)


def required_text(params: Params, name: str, label: str | None = None) -> str:
    """A string that must be there; 400 ``parameter_missing`` otherwise."""
    value = text(params, name)
    if value is None:
        raise missing_parameter(label or name)
    return value


def integer(
    params: Params,
    name: str,
    default: int | None = None,
    *,
    minimum: int | None = None,
    label: str | None = None,
) -> int | None:
    """A whole number, or ``default``; 400 ``parameter_invalid_integer`` for anything else."""
    shown = label or name
    value = params.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(str(value))
    except ValueError:
        code = "parameter_invalid_integer"
        raise bad_parameter(f"Invalid integer: {value}", shown, code) from None
    if minimum is not None and number < minimum:
        message = f"This value must be greater than or equal to {minimum}."
        raise bad_parameter(message, shown, "parameter_invalid_integer")
    return number


def required_integer(
    params: Params, name: str, *, minimum: int | None = None, label: str | None = None
) -> int:
    """A whole number that must be there."""
    value = integer(params, name, minimum=minimum, label=label)
    if value is None:
        raise missing_parameter(label or name)
    return value


def boolean(params: Params, name: str, default: bool = False) -> bool:
    """True or false, or ``default`` when absent."""
    value = params.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    if str(value) in ("true", "1"):
        return True
    if str(value) in ("false", "0"):
        return False
    raise bad_parameter(f"Invalid boolean: {value}", name, "parameter_invalid_boolean")


def decimal(params: Params, name: str) -> Decimal | None:
    """A decimal number, or ``None`` when absent."""
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise bad_parameter(
            f"Invalid decimal: {value}", name, "parameter_invalid_decimal"
        ) from None


def choice(params: Params, name: str, allowed: Iterable[str], default: str) -> str:
    """One of ``allowed``, or ``default`` when absent."""
    value = text(params, name, default)
    options = tuple(allowed)
    if value not in options:
        message = f"Invalid {name}: must be one of {', '.join(options[:-1])}, or {options[-1]}"
        raise bad_parameter(message, name, "parameter_invalid_enum")
    return value


def mapping(params: Params, name: str) -> Obj:
    """A nested object; empty when absent or unset."""
    value = params.get(name)
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise bad_parameter("Invalid object", name, "parameter_invalid_object")
    return dict(value)


def sequence(params: Params, name: str) -> list[Any]:
    """A list; empty when absent or unset."""
    value = params.get(name)
    if value is None or value == "":
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return [value]
    raise bad_parameter("Invalid array", name, "parameter_invalid_array")


def merged_metadata(old: Mapping[str, str], params: Params) -> dict[str, str]:
    """Metadata after an update: keys are merged, an empty value unsets, all empty clears.

    Source: https://docs.stripe.com/api/metadata.
    """
    if "metadata" not in params:
        return dict(old)
    change = params["metadata"]
    if change is None or change == "":
        return {}
    if not isinstance(change, Mapping):
        raise bad_parameter("Invalid object", "metadata", "parameter_invalid_object")
    merged = dict(old)
    for key, value in change.items():
        if value is None or value == "":
            merged.pop(str(key), None)
        else:
            merged[str(key)] = str(value)
    return merged


def refuse_unknown(params: Params, known: frozenset[str]) -> None:
    """400 ``parameter_unknown`` for the first parameter that the call doesn't have."""
    for name in params:
        if name not in known:
            raise unknown_parameter(name)
