"""What this app does that stands in the audit log, and what its rows may carry."""

from __future__ import annotations

from auditlog.actions import register

register("event.retry", "Failed events are to be processed again.", "events", "count")
register("event.reduced", "The payloads of events were reduced to what is read of them.", "count")
register("event.replay", "Events are to be processed again, whatever they were.", "count")
register(
    "stripe.sync",
    "Objects and events were listed at Stripe and stored.",
    "since",
    "listed.*",
    "new",
    "refused.*",
)
register("stripe.read_again", "Objects were read again from Stripe.", "objects")
register(
    "refund_request.recorded",
    "A refund is to be asked of Stripe.",
    "charge",
    "amount",
    "currency",
    "reason",
    "attempt",
)
register("refund_request.made", "Stripe made the refund that was asked.", "status", "refund")
for _name, _meaning in {
    "refused": "Stripe refused the refund that was asked.",
    "not_at_stripe": "Stripe turned out not to have the refund that was asked.",
    "asked_again": "A refund that was refused is to be asked again.",
    "withdrawn": "A refund isn’t to be asked any more.",
}.items():
    register(f"refund_request.{_name}", _meaning, "status", "attempt")
