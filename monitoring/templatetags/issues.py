"""Issues on the pages of what they are about."""

from __future__ import annotations

from django import template

from monitoring.models import Issue
from monitoring.selectors import SEVERITY_RANK
from monitoring.timeline import about
from orders.detail import OrderDetail

register = template.Library()
MOST = 20


@register.simple_tag
def issues_of_order(detail: OrderDetail) -> list[Issue]:
    """``{% issues_of_order detail as issues %}``: those about the order, or about a payment,
    charge, refund or dispute of it, that aren't resolved: the worst first; one statement."""
    found = Issue.objects.filter(about(detail.facts)).exclude(status=Issue.Status.RESOLVED)
    return list(found.select_related("assignee").order_by(SEVERITY_RANK.desc(), "id")[:MOST])
