"""What orders and the mirror know of the things that happened to an order: first what was asked,
then what Stripe did, then what came of it here, since that is how it happens within one second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from auditlog.models import AuditEvent
from orders.models import Order, OrderNote, OrderTransition
from orders.states import OrderStatus
from orders.timeline import Entry, Facts, contribute
from payments.models import Charge, Dispute, Refund
from payments.money import format_money

# What stands in the timeline by itself already: moves, notes, requests for refunds.
TOLD = (*(f"order.{status.value}" for status in OrderStatus), "order.noted", "order.refund_asked")
MOVED = {
    "dispute": "Dispute: funds withdrawn",
    "dispute_reversal": "Dispute: funds reinstated",
}


@contribute
def placed(facts: Facts) -> Iterator[Entry]:
    order = facts.order
    yield Entry(
        order.placed_at,
        "Placed",
        detail=f"source: {order.get_source_display()}",
        amount_minor=order.total_minor,
        currency=order.currency,
    )


@contribute
def refund_requests(facts: Facts) -> Iterator[Entry]:
    """Who asked for a refund here, and why; what came of it, its refund tells."""
    for request in facts.requests:
        yield Entry(
            request.asked_at,
            "Refund requested",
            detail=request.note or request.reason.replace("_", " "),
            who=request.asked_by.get_username() if request.asked_by else "",
            amount_minor=request.amount,
            currency=request.currency,
            link=(type(request), str(request.pk)),
            problem=request.status in (request.Status.UNKNOWN, request.Status.REFUSED),
        )


def refund_steps(refund: Refund) -> Iterator[tuple[datetime, str, str, bool]]:
    """When, what, why, and whether someone should look."""
    made_at = refund.created or refund.as_of
    if refund.succeeded_at != made_at:
        waiting = refund.status in ("pending", "requires_action")
        state = refund.status.replace("_", " ") if waiting else "asked for"
        yield made_at, f"Refund {state}", refund.pending_reason or refund.reason, waiting
    if refund.succeeded_at:
        yield refund.succeeded_at, "Refund succeeded", refund.reason, False
    if refund.failed_at:
        yield refund.failed_at, f"Refund {refund.status}", refund.failure_reason, True


@contribute
def payments(facts: Facts) -> Iterator[Entry]:
    """Attempts and captures, and payments that were canceled or of which no charge is known."""
    for charge in facts.charges:
        yield from charged(facts, charge)
    charged_intents = {charge.payment_intent_id for charge in facts.charges}
    for intent in facts.intents:
        link = (type(intent), intent.pk)
        if intent.canceled_at:
            yield Entry(
                intent.canceled_at,
                "Payment canceled",
                detail=intent.cancellation_reason.replace("_", " "),
                amount_minor=intent.amount,
                currency=intent.currency,
                link=link,
                event=facts.told(intent, intent.canceled_at),
            )
        elif intent.succeeded_at and intent.pk not in charged_intents:
            yield Entry(
                intent.succeeded_at,
                "Payment succeeded",
                detail="its charge hasn’t arrived",
                amount_minor=intent.amount_received,
                currency=intent.currency,
                link=link,
                event=facts.told(intent, intent.succeeded_at),
                problem=True,
            )


def charged(facts: Facts, charge: Charge) -> Iterator[Entry]:
    tried_at = charge.created or charge.as_of
    link = (type(charge), charge.pk)
    other = "" if charge.currency == facts.order.currency else "in another currency than the order"
    if charge.captured_at is None:
        failed = charge.status == "failed"
        words = (charge.failure_code.replace("_", " "), charge.failure_message)
        yield Entry(
            tried_at,
            "Payment attempt failed" if failed else f"Payment {charge.status}, not captured",
            detail=": ".join(word for word in words if word) if failed else other,
            amount_minor=charge.amount,
            currency=charge.currency,
            link=link,
            event=facts.told(charge, tried_at),
            problem=failed,
        )
        return
    yield Entry(
        charge.captured_at,
        "Payment captured",
        detail=other or charge.payment_method_type.replace("_", " "),
        amount_minor=charge.amount_captured,
        currency=charge.currency,
        link=link,
        event=facts.told(charge, charge.captured_at),
        problem=bool(other),
    )
    if charge.status == "failed":
        yield Entry(
            charge.as_of,
            "Payment failed after it had succeeded",
            detail=charge.failure_message,
            amount_minor=-charge.amount_captured,
            currency=charge.currency,
            link=link,
            event=facts.told(charge, charge.as_of),
            problem=True,
        )


@contribute
def sessions(facts: Facts) -> Iterator[Entry]:
    for session in facts.sessions:
        if session.paid_at:
            yield Entry(
                session.paid_at,
                "Checkout session completed",
                amount_minor=session.amount_total,
                currency=session.currency,
                link=(type(session), session.pk),
                event=facts.told(session, session.paid_at),
            )


@contribute
def refunds(facts: Facts) -> Iterator[Entry]:
    """Each refund from when it was made to what has become of it."""
    for refund in facts.refunds:
        for at, what, detail, problem in refund_steps(refund):
            yield Entry(
                at,
                what,
                detail=detail.replace("_", " "),
                amount_minor=refund.amount,
                currency=refund.currency,
                link=(type(refund), refund.pk),
                event=facts.told(refund, at),
                problem=problem,
            )


@contribute
def disputes(facts: Facts) -> Iterator[Entry]:
    """Each dispute: opened, its answer due, how it ended, and the money that moved for it.

    Stripe doesn't say when a dispute ended: it did when its last event says that it is closed.
    """
    for dispute in facts.disputes:
        opened_at = dispute.created or dispute.as_of
        closed = dispute.status in Dispute.CLOSED
        steps = [(opened_at, "Dispute opened", dispute.reason, not closed)]
        if dispute.due_by and dispute.status in Dispute.NEEDS_ANSWER:
            steps.append((dispute.due_by, "Dispute: answer due", "", True))
        if closed:
            ends = [e for e in facts.events.get(dispute.pk, []) if e.type.endswith(".closed")]
            ended_at = ends[-1].as_of if ends else dispute.as_of
            lost = dispute.status == "lost"
            steps.append((ended_at, f"Dispute {dispute.status}", "", lost))
        for at, what, detail, problem in steps:
            yield Entry(
                at,
                what.replace("_", " "),
                detail=detail.replace("_", " "),
                amount_minor=dispute.amount,
                currency=dispute.currency,
                link=(Dispute, dispute.pk),
                event=None if "due" in what else facts.told(dispute, at),
                problem=problem,
            )


@contribute
def dispute_money(facts: Facts) -> Iterator[Entry]:
    """What a dispute took from the balance and what came back, in the settlement currency."""
    for movement in facts.settlement.movements:
        row = movement.transaction
        if isinstance(movement.source, Dispute):
            yield Entry(
                row.created or row.available_on,
                MOVED.get(row.reporting_category, f"Dispute: {row.reporting_category}"),
                amount_minor=row.amount,
                currency=row.currency,
                link=(type(row), row.pk),
            )


@contribute
def moves(facts: Facts) -> Iterator[Entry]:
    """The transitions with their cause: an event of Stripe's, or a person and a reason."""
    rows = OrderTransition.objects.filter(order=facts.order).select_related("event", "actor")
    for move in facts.newest(rows.defer("event__payload").order_by("-id")):
        yield Entry(
            move.at,
            f"{move.get_from_status_display()} → {move.get_to_status_display()}",
            detail=move.reason,
            who=move.actor.get_username() if move.actor else "",
            event=move.event,
        )


@contribute
def audit(facts: Facts) -> Iterator[Entry]:
    """What the audit log says besides what is told already."""
    rows = AuditEvent.objects.filter(
        target_type=Order._meta.label_lower, target_id=str(facts.order.pk)
    ).exclude(action__in=TOLD)
    for event in facts.newest(rows.order_by("-id")):
        yield Entry(
            event.at,
            event.action.removeprefix("order.").replace("_", " ").capitalize(),
            detail=event.reason or amounts_said(event.after),
            who=event.actor_name,
            link=(AuditEvent, str(event.pk)),
        )


def amounts_said(after: Mapping[str, Any]) -> str:
    """The amounts that an entry of the audit log says, in words; empty where it says none."""
    match after:
        case {
            "captured_minor": int(captured),
            "refunded_minor": int(refunded),
            "currency": currency,
        }:
            return (
                f"captured {format_money(captured, currency)}, "
                f"refunded {format_money(refunded, currency)}"
            )
    return ""


@contribute
def notes(facts: Facts) -> Iterator[Entry]:
    """What people wrote down about the order."""
    rows = OrderNote.objects.filter(order=facts.order).select_related("actor")
    for note in facts.newest(rows.order_by("-id")):
        yield Entry(
            note.at, "Note", detail=note.text, who=note.actor.get_username() if note.actor else ""
        )
