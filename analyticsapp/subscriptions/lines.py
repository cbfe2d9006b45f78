"""What a subscription's items are worth in a month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from analyticsapp.subscriptions.conventions import A_MONTH, Conventions


@dataclass(frozen=True)
class Coupon:
    """The terms of a coupon, as the mirror has them."""

    percent_off: Fraction | None = None
    amount_off: int | None = None
    currency: str = ""
    forever: bool = True


@dataclass(frozen=True)
class Line:
    """An item's part of a subscription's MRR in minor units, rounded once."""

    item: str
    product: str
    quantity: int
    mrr_minor: int


def monthly_lines(
    items: Iterable[Mapping[str, Any]], coupons: Sequence[Coupon], rules: Conventions
) -> list[Line]:
    """Each item's MRR while its subscription counts, coupons subtracted, half a unit to even.

    Metered items, and prices without an amount a unit (tiers), are worth 0: what they will bring
    is known only afterwards. Tax is no part of a price's amount.
    """
    charged = [item for item in items if item["usage_type"] != "metered"]
    exact = [monthly(item) for item in charged]
    for coupon in coupons:
        if coupon.forever or rules.limited_coupons:
            exact = discounted(charged, exact, coupon)
    return [
        Line(
            item=item["id"] or "",
            product=item["product"] or "",
            quantity=item["quantity"],
            mrr_minor=round(value),
        )
        for item, value in zip(charged, exact, strict=True)
    ]


def monthly(item: Mapping[str, Any]) -> Fraction:
    """An item's amount in a month before discounts, exactly; 0 where its price doesn't say."""
    per_month = a_month(item)
    if item["unit_amount_decimal"] is None or per_month is None:
        return Fraction(0)
    return Fraction(item["unit_amount_decimal"]) * int(item["quantity"]) * per_month


def a_month(item: Mapping[str, Any]) -> Fraction | None:
    """How many of the item's periods a month has; None for an interval that isn't known."""
    intervals = A_MONTH.get(item["interval"])
    return None if intervals is None else intervals / max(int(item["interval_count"]), 1)


def discounted(
    items: Sequence[Mapping[str, Any]], exact: list[Fraction], coupon: Coupon
) -> list[Fraction]:
    """The items' amounts less the coupon: of an amount, each bears its share; none below 0."""
    if coupon.percent_off is not None:
        return [value * (1 - coupon.percent_off / 100) for value in exact]
    if coupon.amount_off is None:
        return exact
    # The amount comes off each invoice, and those follow the shortest of the items' periods.
    each_month = max((a_month(item) or Fraction(0) for item in items), default=Fraction(0))
    concerned = [item["currency"] == coupon.currency for item in items]
    total = sum((v for v, same in zip(exact, concerned, strict=True) if same), Fraction(0))
    if total <= 0:
        return exact
    left = max(1 - coupon.amount_off * each_month / total, Fraction(0))
    return [v * left if same else v for v, same in zip(exact, concerned, strict=True)]
