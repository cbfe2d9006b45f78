"""The day's queue in templates."""

from django import template
from django.template import Context

from config.queue import Panel, day_queue

register = template.Library()


@register.simple_tag(takes_context=True)
def day_panels(context: Context) -> list[Panel]:
    """``{% day_panels as panels %}``: what waits for a person, as far as this one may see it."""
    return day_queue(context["request"].user)
