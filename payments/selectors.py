"""Queries over the inbox and the mirror that pages and checks read with."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from payments.models import CountedRefund, Dispute, Refund, RefundRequest, StripeEvent
from payments.spans import Span

DAY = timedelta(days=1)
# How long there is to answer a dispute; each one that waits is in one of them.
TO_ANSWER = (
    Span("overdue", "overdue", until=timedelta(0)),
    Span("0-1", "under 1 day left", since=timedelta(0), until=DAY),
    Span("1-3", "1 to 3 days left", since=DAY, until=3 * DAY),
    Span("3-7", "3 to 7 days left", since=3 * DAY, until=7 * DAY),
    Span("7-", "over 7 days left", since=7 * DAY),
    Span("undated", "no date given"),
)


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
    return disputes_to_answer().filter(TO_ANSWER[0].holds("due_by", now))


def refunds_in_need() -> QuerySet[Refund]:
    """Refunds that wait at Stripe, and those that failed and that nothing replaced, oldest first.

    A failed one is replaced when as much of its charge was refunded anew since, as the check
    ``refund_failed`` has it; a replacement that fails stands for itself.
    """
    anew = (
        Refund.objects.filter(charge=OuterRef("charge"), created__gte=OuterRef("failed_at"))
        .exclude(pk=OuterRef("pk"))
        .order_by()
        .values("charge")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    return (
        Refund.objects.filter(status__in=Refund.UNSETTLED)
        .alias(anew=Coalesce(Subquery(anew), 0, output_field=BigIntegerField()))
        .filter(
            Q(status__in=Refund.WAITING)
            | Q(charge__captured_at__isnull=False, failed_at__isnull=False, anew__lt=F("amount"))
        )
        .order_by("created", "id")
    )


def refunds_owed() -> QuerySet[Refund]:
    """Those of them that failed: whoever was to have the money hasn't got it."""
    return refunds_in_need().filter(status__in=Refund.UNDONE)


def requests_in_need() -> QuerySet[RefundRequest]:
    """Refunds that were asked for here and that Stripe hasn't made: unanswered or refused."""
    return RefundRequest.objects.filter(status__in=RefundRequest.IN_NEED).order_by("asked_at", "id")


def events_in_need() -> QuerySet[StripeEvent]:
    """Events that could not be turned into state, whether still tried or given up, oldest first."""
    return StripeEvent.objects.filter(status__in=StripeEvent.IN_NEED).order_by("id")
