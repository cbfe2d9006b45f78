"""Amounts that are added or taken away."""

from django import template

from payments.money import format_number

register = template.Library()


@register.filter
def signed(amount_minor: int, currency: str) -> str:
    """``{{ 500|signed:"eur" }}`` gives ``+5.00``, a negative one ``−5.00``, nothing ``0.00``."""
    return ("+" if amount_minor > 0 else "") + format_number(amount_minor, currency)
