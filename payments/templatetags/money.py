"""Money in templates."""

from django import template

from payments.money import format_money, format_number

register = template.Library()


@register.filter
def money(amount_minor: int | None, currency: str) -> str:
    """``{{ total|money:currency }}`` gives ``1,234.56 USD``; unknown stays unknown."""
    return "unknown" if amount_minor is None else format_money(amount_minor, currency)


@register.filter
def amount(amount_minor: int | None, currency: str) -> str:
    """The number alone, for a column whose head names the currency."""
    return "unknown" if amount_minor is None else format_number(amount_minor, currency)
