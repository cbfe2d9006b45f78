"""The dashboard's pages in templates."""

from __future__ import annotations

from django import template
from django.template import Context

from config.navigation import Link, pages_open_to

register = template.Library()


@register.simple_tag(takes_context=True)
def dashboard_pages(context: Context) -> list[Link]:
    """``{% dashboard_pages as pages %}``: those that whoever asks may open."""
    return pages_open_to(context["request"].user)
