"""The day's queue: what waits for a person, over all apps, as the admin's first page shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.db.models import F, QuerySet
from django.urls import reverse

from monitoring.models import Issue
from monitoring.selectors import SEVERITY_RANK, open_issues
from orders.models import Order
from orders.selectors import orders_to_fulfil
from payments.backlog import Backlog, backlog
from payments.models import Dispute, Refund, RefundRequest, StripeEvent
from payments.selectors import disputes_to_answer, events_in_need, refunds_in_need, requests_in_need

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User

SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One thing that waits: what it is and where, since or until when, and the money in it."""

    text: str
    url: str
    note: str
    at: Any
    amount: int | None = None
    currency: str = ""


@dataclass(frozen=True)
class Panel:
    """One kind of work: how much there is of it, and the first few. ``url`` is the list that holds
    exactly these ``backlog.count`` rows."""

    title: str
    url: str
    backlog: Backlog
    rows: Sequence[Row]
    moment: str  # what ``at`` of a row and ``oldest`` of the backlog are: "paid", "due", …
    empty: str


@dataclass(frozen=True)
class Kind:
    """How a panel is made: for whom, from which rows, and what is told of each."""

    title: str
    permission: str
    changelist: str
    query: dict[str, str]
    rows: Callable[[User], QuerySet[Any]]
    row: Callable[[Any], Row]
    since: str
    moment: str
    empty: str
    amount: str = ""
    currency: str = "currency"


def issue_row(issue: Issue) -> Row:
    return Row(
        issue.summary,
        reverse("admin:monitoring_issue_change", args=[issue.pk]),
        issue.severity,
        issue.first_seen,
        issue.amount_minor,
        issue.currency,
    )


def order_row(order: Order) -> Row:
    note = str(order.customer or order.email)
    if order.oversold:
        note = f"oversold · {note}" if note else "oversold"
    return Row(
        order.number,
        order.get_absolute_url(),
        note,
        order.paid_at,
        order.total_minor,
        order.currency,
    )


def dispute_row(dispute: Dispute) -> Row:
    return Row(
        dispute.pk,
        reverse("admin:payments_dispute_change", args=[quote(dispute.pk)]),
        dispute.reason.replace("_", " "),
        dispute.due_by,
        dispute.amount,
        dispute.currency,
    )


def refund_row(refund: Refund) -> Row:
    why = refund.failure_reason or refund.pending_reason
    return Row(
        refund.pk,
        reverse("admin:payments_refund_change", args=[quote(refund.pk)]),
        " · ".join(word.replace("_", " ") for word in (refund.status, why) if word),
        refund.created,
        refund.amount,
        refund.currency,
    )


def request_row(request: RefundRequest) -> Row:
    return Row(
        request.note or "Refund",
        request.get_absolute_url(),
        request.get_status_display(),
        request.asked_at,
        request.amount,
        request.currency,
    )


def event_row(event: StripeEvent) -> Row:
    return Row(
        event.type,
        reverse("admin:payments_stripeevent_change", args=[event.pk]),
        f"{event.status} after {event.attempts} attempts",
        event.received_at,
    )


def most_at_risk(issues: QuerySet[Issue]) -> QuerySet[Issue]:
    """The worst first, and of those the ones about the most money (as a number: currencies aren't
    converted), then the oldest."""
    return issues.order_by(
        SEVERITY_RANK.desc(), F("amount_minor").desc(nulls_last=True), "first_seen", "id"
    )


KINDS = (
    Kind(
        title="Issues of yours",
        permission="monitoring.view_issue",
        changelist="admin:monitoring_issue_changelist",
        query={"assignee": "me"},
        rows=lambda user: most_at_risk(open_issues().filter(assignee=user)),
        row=issue_row,
        since="first_seen",
        moment="seen",
        amount="amount_minor",
        empty="",  # shown only where there are any
    ),
    Kind(
        title="Issues",
        permission="monitoring.view_issue",
        changelist="admin:monitoring_issue_changelist",
        query={},
        rows=lambda user: most_at_risk(open_issues()),
        row=issue_row,
        since="first_seen",
        moment="seen",
        amount="amount_minor",
        empty="The checks found nothing that is wrong.",
    ),
    Kind(
        title="Disputes to answer",
        permission="payments.view_dispute",
        changelist="admin:payments_dispute_changelist",
        query={"answer": "needed"},
        rows=lambda user: disputes_to_answer(),
        row=dispute_row,
        since="due_by",
        moment="due",
        amount="amount",
        empty="No dispute waits for an answer.",
    ),
    Kind(
        title="Refunds that wait or failed",
        permission="payments.view_refund",
        changelist="admin:payments_refund_changelist",
        query={"status": "need"},
        rows=lambda user: refunds_in_need(),
        row=refund_row,
        since="created",
        moment="made",
        amount="amount",
        empty="Every refund has arrived.",
    ),
    Kind(
        title="Refunds that Stripe hasn’t made",
        permission="payments.view_refundrequest",
        changelist="admin:payments_refundrequest_changelist",
        query={"status": "need"},
        rows=lambda user: requests_in_need(),
        row=request_row,
        since="asked_at",
        moment="asked",
        amount="amount",
        empty="",  # a passing state, or trouble
    ),
    Kind(
        title="Orders to fulfil",
        permission="orders.view_order",
        changelist="admin:orders_order_changelist",
        query={"waiting": "paid-0"},
        rows=lambda user: orders_to_fulfil(),
        row=order_row,
        since="paid_at",
        moment="paid",
        amount="total_minor",
        empty="Every paid order is fulfilled.",
    ),
    Kind(
        title="Events that need a hand",
        permission="payments.view_stripeevent",
        changelist="admin:payments_stripeevent_changelist",
        query={"status": "need"},
        rows=lambda user: events_in_need(),
        row=event_row,
        since="received_at",
        moment="received",
        empty="Everything that Stripe said was understood.",
    ),
)


def day_queue(user: AbstractBaseUser | AnonymousUser) -> list[Panel]:
    """What waits, as far as ``user`` may see it: their own first. Two statements a panel."""
    panels = []
    for kind in KINDS:
        if not user.has_perm(kind.permission):  # type: ignore[union-attr]
            continue
        rows = kind.rows(user)  # type: ignore[arg-type]
        size = backlog(rows, since=kind.since, amount=kind.amount, currency=kind.currency)
        if not size.count and not kind.empty:
            continue
        query = f"?{urlencode(kind.query)}" if kind.query else ""
        panels.append(
            Panel(
                title=kind.title,
                url=reverse(kind.changelist) + query,
                backlog=size,
                rows=[kind.row(row) for row in rows[:SHOWN]] if size.count else [],
                moment=kind.moment,
                empty=kind.empty,
            )
        )
    return panels
