"""Remedies at the Stripe edge: events, reads, requests for refunds."""

from __future__ import annotations

from django import forms

from monitoring.models import Issue
from monitoring.remedies.registry import remedy
from monitoring.subjects import charge_of, order_of, payment_of, subject, subject_of
from orders.admin.acting import Act, ReasonForm
from orders.selectors import charges_of
from orders.services.refunding import describe
from payments import inbox, processing, refund_requests, refund_sending, rereading
from payments.client import NotConfigured
from payments.models import MirrorObject, PaymentIntent, RefundRequest, StripeEvent
from payments.reading import Wish
from payments.refund_requests import RefundImpossible, RequestChanged

Event = StripeEvent.Status


def replay(issue: Issue, form: forms.Form) -> str:
    event = subject(issue, StripeEvent)
    inbox.retry([event.pk], reason=form.cleaned_data["reason"])
    processing.process_these([event.pk])
    event.refresh_from_db()
    match event.status:
        case Event.PROCESSED:
            return f"The event {event.stripe_id} was processed."
        case Event.FAILED | Event.DEAD:
            why = event.error.strip().splitlines()[-1:] or ["unknown"]
            return f"The event {event.stripe_id} failed again: {why[0]} It is tried again later."
    return f"The event {event.stripe_id} is in a worker’s hands."


def in_need(issue: Issue) -> bool:
    event = subject(issue, StripeEvent)
    return event is not None and event.status in StripeEvent.IN_NEED


remedy(
    Act(
        name="replay_event",
        title="Replay the event",
        permission="payments.replay_stripeevent",
        button="Replay it",
        explanation=lambda issue: (
            f"The event {subject(issue, StripeEvent).stripe_id} is processed again at once, as if "
            "just received. Where it fails again, it is tried again by itself, and is dead in the "
            "end."
        ),
        possible=in_need,
        form=lambda issue, data: ReasonForm(data),
        perform=replay,
    )
)

MOST_EVENTS = 2_000  # as many as somebody waits for


def process_waiting(issue: Issue, form: forms.Form) -> str:
    done = processing.drain(limit=MOST_EVENTS)
    inbox.wake()
    return f"{done.processed} processed, {done.failed} failed, {done.dead} dead."


remedy(
    Act(
        name="process_waiting",
        title="Process what waits",
        permission="payments.replay_stripeevent",
        button="Process them now",
        explanation=lambda issue: (
            f"Up to {MOST_EVENTS:,} of the events that are due are processed here and now. If they "
            "wait because no worker runs, the next ones will wait too: start one."
        ),
        possible=lambda issue: StripeEvent.objects.filter(status__in=StripeEvent.OPEN).exists(),
        form=lambda issue, data: ReasonForm(data),
        perform=process_waiting,
    )
)


def wishes(issue: Issue) -> list[Wish]:
    """All that Stripe can be asked about the subject and what belongs to it."""
    row = subject_of(issue)
    if isinstance(row, StripeEvent):
        return rereading.wishes(row.object_type, row.object_id)
    wanted = rereading.wishes_about(row) if isinstance(row, MirrorObject) else []
    order = order_of(issue)
    charges = list(charges_of(order)[: rereading.MOST]) if order else []
    charge = charge_of(issue)
    for one in [*([charge] if charge else []), *charges]:
        wanted += rereading.wishes_about(one)
    key = payment_of(issue)
    if key.startswith("pi_"):
        wanted += rereading.wishes(PaymentIntent.OBJECT, key)
    return list(dict.fromkeys(wanted))


def read_again(issue: Issue, form: forms.Form) -> str:
    found = rereading.read_again(wishes(issue), reason=form.cleaned_data["reason"])
    told = [f"{found.read} read"]
    told += [f"{found.missing} gone from Stripe"] if found.missing else []
    told += [f"{found.failed} failed and tried again later"] if found.failed else []
    return f"{', '.join(told)}." + (f" Stripe: {found.note}" if found.note else "")


remedy(
    Act(
        name="read_again",
        title="Read again from Stripe",
        permission="payments.replay_stripeevent",
        button="Read it again",
        explanation=lambda issue: (
            "Asks Stripe for "
            + ", ".join(f"{kind.replace('_', ' ')} {key}" for kind, key in wishes(issue)[:8])
            + (" and more" if len(wishes(issue)) > 8 else "")
            + ", and takes in what it answers. Nothing changes at Stripe."
        ),
        possible=lambda issue: bool(wishes(issue)),
        form=lambda issue, data: ReasonForm(data),
        perform=read_again,
        refusals=(rereading.NothingToRead, NotConfigured),
    )
)


def request_is(issue: Issue, *statuses: str) -> bool:
    request = subject(issue, RefundRequest)
    return request is not None and request.status in statuses


def ask_again(issue: Issue, form: forms.Form) -> str:
    key = subject(issue, RefundRequest).pk
    refund_requests.ask_again(key, reason=form.cleaned_data["reason"])
    refund_sending.send_now([key])
    return f"Refund of {describe(RefundRequest.objects.select_related('refund').get(pk=key))}."


def withdraw(issue: Issue, form: forms.Form) -> str:
    key = subject(issue, RefundRequest).pk
    refund_requests.withdraw(key, reason=form.cleaned_data["reason"])
    return "The request is withdrawn."


remedy(
    Act(
        name="ask_again",
        title="Ask Stripe again",
        permission="payments.settle_refundrequest",
        button="Ask Stripe again",
        explanation=lambda issue: "Stripe refused this refund, and is asked anew.",
        possible=lambda issue: request_is(issue, RefundRequest.Status.REFUSED),
        form=lambda issue, data: ReasonForm(data),
        perform=ask_again,
        moves=lambda issues, form: [
            (request.amount, request.currency)
            for request in (subject(issue, RefundRequest) for issue in issues)
        ],
        refusals=(RequestChanged, RefundImpossible, NotConfigured),
        dangerous=True,
    )
)
remedy(
    Act(
        name="withdraw",
        title="Withdraw the request",
        permission="payments.settle_refundrequest",
        button="Withdraw it",
        explanation=lambda issue: (
            "The request is given up. What it asked for can be refunded otherwise."
        ),
        possible=lambda issue: request_is(
            issue, RefundRequest.Status.RECORDED, RefundRequest.Status.REFUSED
        ),
        form=lambda issue, data: ReasonForm(data),
        perform=withdraw,
        refusals=(RequestChanged,),
    )
)
