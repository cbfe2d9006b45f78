"""Orders to be: what is said of them, and what of that can't be."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from orders.services.payment_facts import LONGEST_NUMBER, normalized_email
from orders.services.tracking import NO_TRACKING, Tracking
from payments.money import CURRENCY

LARGEST_AMOUNT = 10**15
LARGEST_QUANTITY = 10**6
LONGEST_SKU = 255
LONGEST_TEXT = 2000
# What Stripe's ids begin with: an order that is made from Stripe has its payment's id as number.
STRIPES = ("pi_", "cs_", "ch_", "py_")


class BadOrder(ValueError):
    """Not an order that can be made; the message says why."""


class OrderExists(BadOrder):
    """There is an order with that number already."""


@dataclass(frozen=True)
class NewLine:
    """A line to be: ``sku`` empty where no product of the catalogue is sold; the total in minor
    units of the order's currency, after discounts, tax included."""

    description: str
    quantity: int
    total_minor: int
    sku: str = ""


@dataclass(frozen=True)
class NewOrder:
    """An order to be, amounts in minor units; what isn't known is None, which isn't 0.

    The times at which it was paid, fulfilled or canceled elsewhere are for ``importing`` alone.
    """

    number: str
    currency: str
    total_minor: int
    lines: Sequence[NewLine] = ()
    email: str = ""
    name: str = ""
    stripe_customer: str = ""
    placed_at: datetime | None = None
    subtotal_minor: int | None = None
    discount_minor: int | None = None
    tax_minor: int | None = None
    shipping_minor: int | None = None
    paid_at: datetime | None = None
    fulfilled_at: datetime | None = None
    canceled_at: datetime | None = None
    tracking: Tracking = NO_TRACKING


@dataclass(frozen=True)
class Fault:
    """Something that can't be: the field of the order, or of its line number ``line`` (from 1)."""

    field: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


def like_stripes(number: str) -> bool:
    """Whether the number could be that of an order made from Stripe."""
    return number.lower().startswith(STRIPES)


def faults(new: NewOrder) -> Iterator[Fault]:
    """All that can't be in what is said of an order."""
    if not new.number.strip() or len(new.number) > LONGEST_NUMBER:
        yield Fault("number", f"an order's number has 1 to {LONGEST_NUMBER} characters")
    if not CURRENCY.fullmatch(new.currency):
        yield Fault("currency", f"{new.currency!r} is not a currency in Stripe's form, such as usd")
    if not 0 <= new.total_minor <= LARGEST_AMOUNT:
        yield Fault("total", f"a total of {new.total_minor} can't be")
    for field in ("subtotal", "discount", "tax", "shipping"):
        amount = getattr(new, f"{field}_minor")
        if amount is not None and not 0 <= amount <= LARGEST_AMOUNT:
            yield Fault(field, f"an amount of {amount} can't be")
    if new.email.strip() and not normalized_email(new.email):
        yield Fault("email", f"{new.email[:60]!r} is not an e-mail address")
    for field in ("number", "email", "name", "stripe_customer"):
        yield from strange(field, getattr(new, field))
    for position, line in enumerate(new.lines, 1):
        if not 1 <= line.quantity <= LARGEST_QUANTITY:
            message = f"a quantity of {line.quantity} can't be"
            yield Fault("quantity", message, position)
        if abs(line.total_minor) > LARGEST_AMOUNT:
            yield Fault("line_total", f"a total of {line.total_minor} can't be", position)
        if len(line.sku) > LONGEST_SKU:
            yield Fault("sku", f"a SKU has at most {LONGEST_SKU} characters", position)
        yield from strange("sku", line.sku, position)
        yield from strange("description", line.description, position, several_lines=True)


def strange(
    field: str, text: str, line: int = 0, *, several_lines: bool = False
) -> Iterator[Fault]:
    """What can't be in a text: too much, controls, what is half of a character."""
    if len(text) > LONGEST_TEXT:
        yield Fault(field, f"a text of {len(text):,} characters is too long", line)
    elif not text.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs")
        and not (several_lines and character in "\n\r\t")
        for character in text
    ):
        yield Fault(field, f"{text[:40]!r} has characters that can't be in a text", line)
