"""Queries over the inbox and the mirror that pages and checks read with."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from payments.models import CountedRefund, Dispute, StripeEvent


def oldest_waiting_event() -> datetime | None:
    """When the oldest event that is still to be processed was received, or None."""
    return (
        StripeEvent.objects.filter(status__in=StripeEvent.OPEN)
        .order_by("id")
        .values_list("received_at", flat=True)
        .first()
    )


def refunds_of_captured() -> QuerySet[CountedRefund]:
    """The refunds that figures count: of captured money, succeeded (and perhaps failed later)."""
    return CountedRefund.objects.all()


def disputes_to_answer() -> QuerySet[Dispute]:
    """The disputes that wait for our answer, the one that is due first before the others."""
    return Dispute.objects.filter(status__in=Dispute.NEEDS_ANSWER).order_by("due_by", "id")


def overdue_disputes(now: datetime) -> QuerySet[Dispute]:
    """Those of them whose day has passed: Stripe may still take an answer, or count it as lost."""
    return disputes_to_answer().filter(due_by__lt=now)


def events_in_need() -> QuerySet[StripeEvent]:
    """Events that could not be turned into state, whether still tried or given up, oldest first."""
    return StripeEvent.objects.filter(status__in=StripeEvent.IN_NEED).order_by("id")
