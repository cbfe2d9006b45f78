"""Issues on the pages of what they are about."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.utils import timezone

from monitoring.models import Issue
from monitoring.registry import EVERYTHING, Area
from monitoring.selectors import (
    SEVERITY_RANK,
    doubts_about,
    last_run_of_all,
    runs_overdue,
)
from monitoring.timeline import about
from orders.detail import OrderDetail
from payments.admin.columns import list_url

register = template.Library()
MOST = 20


@register.simple_tag
def issues_of_order(detail: OrderDetail) -> list[Issue]:
    """``{% issues_of_order detail as issues %}``: those about the order, or about a payment,
    charge, refund or dispute of it, that aren't resolved: the worst first; one statement."""
    found = Issue.objects.filter(about(detail.facts)).exclude(status=Issue.Status.RESOLVED)
    return list(found.select_related("assignee").order_by(SEVERITY_RANK.desc(), "id")[:MOST])


@register.inclusion_tag("monitoring/open_issues.html", takes_context=True)
def open_issues(context: Context, *names: str) -> dict[str, Any]:
    """``{% open_issues "sales" %}``: which open issues make figures of these areas doubtful (all
    areas where none is named), and whether the checks have looked lately. Two statements.

    Raises:
        ValueError: there is no area of that name.
    """
    areas = [Area(name) for name in names] or EVERYTHING
    user = context["request"].user
    doubts = doubts_about(areas)
    run = last_run_of_all()
    return {
        "doubts": [(doubt, list_url(user, Issue, check_name=doubt.check_name)) for doubt in doubts],
        "count": sum(doubt.count for doubt in doubts),
        "worst": doubts[0].worst if doubts else "",
        "url": list_url(user, Issue, touches=",".join(areas)),
        "run": run,
        "overdue": runs_overdue(run, timezone.now()),
    }
