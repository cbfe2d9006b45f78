"""KPIs in templates."""

from __future__ import annotations

from typing import Any

from django import template

from analyticsapp.kpis import Kpi, Unit, Value, format_value

register = template.Library()


@register.simple_tag
def kpi_number(kpi: Kpi[Any], value: Value | None, currency: str) -> str:
    """The value without its currency, for where that stands beside it."""
    return kpi.number(value, currency)


@register.simple_tag
def value_number(unit: Unit, value: Value | None, currency: str) -> str:
    """The same for a value of that unit that is no KPI's own."""
    return format_value(unit, value, currency)


@register.simple_tag
def kpi_signed(kpi: Kpi[Any], value: Value, currency: str) -> str:
    """The same with its sign, for a change."""
    return ("+" if value > 0 else "") + kpi.number(value, currency)


@register.filter
def is_negative(value: Value | None) -> bool:
    """Whether an amount is below nothing."""
    return value is not None and value < 0


@register.filter
def count(number: int) -> str:
    """``1,234``."""
    return format_value(Unit.COUNT, number, "")
