"""Shapes of customers and of what is sold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payments.mirror.parsing import (
    amount,
    count,
    currency,
    decimal,
    flag,
    optional_amount,
    optional_currency,
    part,
    reference,
    text,
    word,
)
from payments.mirror.specs import Fields, Spec
from payments.models import Coupon, Customer, Price, Product

Json = Mapping[str, Any]


def parse_customer(obj: Json) -> Fields:
    balance = "balance" if "balance" in obj else "account_balance"  # renamed in 2019-10-17
    return {
        "email": text(obj, "email"),
        "name": text(obj, "name"),
        "currency": optional_currency(obj),
        "balance": optional_amount(obj, balance) or 0,
        "delinquent": flag(obj, "delinquent"),
    }


def parse_product(obj: Json) -> Fields:
    return {
        "name": text(obj, "name"),
        "description": text(obj, "description"),
        "active": flag(obj, "active", default=True),
        "default_price_id": reference(obj, "default_price"),
    }


def parse_price(obj: Json) -> Fields:
    recurring = part(obj, "recurring")
    return {
        "product_id": reference(obj, "product"),
        "currency": currency(obj),
        "type": word(obj, "type"),
        "billing_scheme": word(obj, "billing_scheme"),
        "unit_amount": optional_amount(obj, "unit_amount"),
        "unit_amount_decimal": decimal(obj, "unit_amount_decimal", digits=32, places=12),
        "interval": word(recurring, "interval"),
        "interval_count": count(recurring, "interval_count") or None,
        "usage_type": word(recurring, "usage_type"),
        "nickname": text(obj, "nickname"),
        "active": flag(obj, "active", default=True),
    }


def parse_coupon(obj: Json) -> Fields:
    return {
        "name": text(obj, "name"),
        "percent_off": decimal(obj, "percent_off", digits=7, places=4),
        "amount_off": None if obj.get("amount_off") is None else amount(obj, "amount_off"),
        "currency": optional_currency(obj),
        "duration": word(obj, "duration"),
        "duration_in_months": count(obj, "duration_in_months") or None,
        "valid": flag(obj, "valid", default=True),
    }


SPECS = [
    Spec(model=Customer, parse=parse_customer, deletable=True),
    Spec(model=Product, parse=parse_product, deletable=True),
    Spec(model=Price, parse=parse_price, deletable=True),
    Spec(model=Coupon, parse=parse_coupon, deletable=True),
]
