"""What waits for a person or a bank: refunds, disputes, orders to be fulfilled. Through indexes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, QuerySet

from orders.ages import AGES, past_service_level
from orders.models import Order
from orders.selectors import orders_to_fulfil
from payments.backlog import Backlog, backlog
from payments.models import Dispute, Refund, RefundRequest
from payments.selectors import TO_ANSWER, disputes_to_answer, refunds_owed
from payments.spans import Span, backlog_by_span

RECENT_DAYS = 7


@dataclass(frozen=True)
class Waiting:
    """So much of one kind; the admin's list of ``model`` shows exactly these rows at ``query``.

    ``bad`` where it shouldn't be there at all.
    """

    label: str
    backlog: Backlog
    model: type[Model]
    query: dict[str, str]
    bad: bool = False


def refunds(now: datetime) -> list[Waiting]:
    """Refunds by how far they are: asked here, asked of Stripe, under way, failed, and those of the
    last days. Six statements."""
    requests, made = RefundRequest.objects, Refund.objects
    since = (now - timedelta(days=RECENT_DAYS)).replace(microsecond=0)

    def asked(label: str, query: str, rows: QuerySet[Any], bad: bool = False) -> Waiting:
        size = backlog(rows, since="asked_at", amount="amount")
        return Waiting(label, size, RefundRequest, {"status": query}, bad and bool(size.count))

    def at_stripe(
        label: str, query: dict[str, str], rows: QuerySet[Any], bad: bool = False
    ) -> Waiting:
        size = backlog(rows, since="created", amount="amount")
        return Waiting(label, size, Refund, query, bad and bool(size.count))

    return [
        asked(
            "Asked here, not answered by Stripe",
            "open",
            requests.filter(status__in=RefundRequest.OPEN),
        ),
        asked(
            "Refused by Stripe",
            "refused",
            requests.filter(status=RefundRequest.Status.REFUSED),
            bad=True,
        ),
        at_stripe("Pending at Stripe", {"status": "pending"}, made.filter(status="pending")),
        at_stripe(
            "Waiting for the customer",
            {"status": "requires_action"},
            made.filter(status="requires_action"),
        ),
        at_stripe("Failed, and not made again", {"status": "owed"}, refunds_owed(), bad=True),
        at_stripe(
            f"Made within {RECENT_DAYS} days, whatever came of them",
            {"created__gte": since.isoformat(sep=" ")},
            made.filter(created__gte=since),
        ),
    ]


def disputes(now: datetime) -> list[Waiting]:
    """Disputes that wait for our answer, by how long there is. One statement."""
    rows = backlog_by_span(disputes_to_answer(), TO_ANSWER, "due_by", amount="amount", now=now)
    return [
        Waiting(
            span.label.capitalize(),
            size,
            Dispute,
            {"left": span.name},
            bad=bool(size.count) and span.name in ("overdue", "0-1"),
        )
        for span, size in rows
    ]


def to_fulfil(now: datetime) -> list[Waiting]:
    """Paid orders by how long they have waited, then those past the service level, which are among
    them. Two statements."""
    late = past_service_level()
    found = backlog_by_span(orders_to_fulfil(), AGES, "paid_at", amount="total_minor", now=now)
    if late:
        found += backlog_by_span(
            orders_to_fulfil().filter(late.holds("paid_at", now)),
            [late],
            "paid_at",
            amount="total_minor",
            now=now,
        )
    return [order_line(span, size, late=span == late) for span, size in found]


def order_line(span: Span, size: Backlog, *, late: bool) -> Waiting:
    label = f"Of these, {span.label}" if late else span.label.capitalize()
    bad = late and bool(size.count)
    return Waiting(label, size, Order, {"waiting": f"paid-{span.name}"}, bad)
