"""What a subscription's invoices tell of the time before anything was heard of it.

A line bills an item for a period. One that makes up for a change within a period says when that
was: what it credits ended then, and what it charges began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from payments.models import Price

Fields = Mapping[str, Any]
# A renewal's invoice is made within the hour; a day leaves room for a clock that is off.
GRACE = timedelta(days=1)
# A period by its length in days: at least, at most, what it is. For lines whose price isn't known.
LENGTHS = (
    (1, 1, "day", 1),
    (7, 7, "week", 1),
    (28, 31, "month", 1),
    (89, 92, "month", 3),
    (181, 184, "month", 6),
    (365, 366, "year", 1),
)


@dataclass(frozen=True)
class Billed:
    """An item, as ``monthly_lines`` reads them, and the time for which it was billed.

    A subscription has a price once, so that ``price`` tells which of its items that is. Of a change
    within a period, ``item`` is None where what it was to be from then on isn't known; of a
    ``credit``, which ends an item, it plays no part.
    """

    starts_at: datetime
    ends_at: datetime
    price: str
    item: Fields | None
    change: bool = False
    credit: bool = False


@dataclass(frozen=True)
class Period:
    """A time in which the same items were billed."""

    starts_at: datetime
    ends_at: datetime
    items: tuple[Fields, ...]


def billed_by(line: Fields, prices: Mapping[str, Price]) -> Billed | None:
    """What an invoice's line billed; None if that recurs in no way that is known."""
    if not line["period_start"] or not line["period_end"]:
        return None
    change = line["proration"]
    credit = bool(change and line["amount"] < 0)
    item = item_of(line, prices)
    if item is None and not change:
        return None
    return Billed(
        starts_at=datetime.fromtimestamp(line["period_start"], UTC),
        ends_at=datetime.fromtimestamp(line["period_end"], UTC),
        price=line["price"] or "",
        item=item,
        change=change,
        credit=credit,
    )


def item_of(line: Fields, prices: Mapping[str, Price]) -> dict[str, Any] | None:
    """A line as the subscription's item that it billed; None where it doesn't tell that.

    The amount of a whole period is the item's own, whatever the price is now. That of a change is
    of what was left of the period: then the price tells what the item costs.
    """
    price = prices.get(line["price"] or "")
    quantity = line["quantity"] or 1
    unit_amount: Fraction | None = Fraction(line["amount"], quantity)
    if price is not None:
        interval, interval_count = price.interval, price.interval_count or 1
    else:
        interval, interval_count = interval_of(line["period_end"] - line["period_start"])
    if line["proration"]:
        known = price.unit_amount_decimal if price is not None else None
        unit_amount = None if known is None else Fraction(known)
    if not interval or unit_amount is None:
        return None
    return {
        "id": "",
        "product": (price.product_id if price else None) or "",
        "quantity": quantity,
        "unit_amount_decimal": str(unit_amount),
        "currency": line["currency"],
        "interval": interval,
        "interval_count": interval_count,
        "usage_type": price.usage_type if price else "licensed",
    }


def interval_of(seconds: int) -> tuple[str, int]:
    """The interval that a period of this length is one of; an empty word where it is none."""
    days = round(seconds / 86_400)
    for shortest, longest, interval, interval_count in LENGTHS:
        if shortest <= days <= longest:
            return interval, interval_count
    return "", 1


def periods(billed: Iterable[Billed]) -> list[Period]:
    """The times in which the same items were billed, in order; a gap of more than a day, for which
    nothing was, is left open."""
    lines = changed(sorted(billed, key=lambda one: (one.starts_at, one.price)))
    moments = sorted({moment for one in lines for moment in (one.starts_at, one.ends_at)})
    found: list[Period] = []
    for starts, ends in pairwise(moments):
        items = tuple(
            one.item
            for one in lines
            if one.item is not None and one.starts_at <= starts < one.ends_at
        )
        if items and found and starts - found[-1].ends_at <= GRACE:
            found[-1] = replace(found[-1], ends_at=starts)
        if items:
            found.append(Period(starts, ends, items))
    return found


def changed(lines: Sequence[Billed]) -> list[Billed]:
    """The items that were in force, each as long as it was: until its period ended, something else
    was charged for the same price, or it was credited."""
    found: list[Billed] = []
    for moment in sorted({one.starts_at for one in lines}):
        begun = [one for one in lines if one.starts_at == moment]
        if any(one.change and not one.credit and one.item is None for one in begun):
            # What it was changed to isn't known before the next whole period.
            begun = [one for one in begun if not one.change]
        ended = {one.price for one in begun}
        found = [
            replace(one, ends_at=moment)
            if one.price in ended and one.starts_at < moment < one.ends_at
            else one
            for one in found
        ]
        found += [one for one in begun if not one.credit and one.starts_at < one.ends_at]
    return found
