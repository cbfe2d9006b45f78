"""Which Stripe event moved an order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from payments.models import StripeEvent


@dataclass(frozen=True)
class Wanted:
    """The Stripe object that moved an order, and all payments of the order."""

    object_id: str
    payments: Collection[str]


class Causes(Protocol):
    reason: str  # what the transition says beside the event, or in its place

    def find(self, wanted: Iterable[Wanted]) -> Mapping[str, int]:
        """The inbox rows that said so, by object id; an object without one is left out."""


@dataclass
class FromBatch:
    """The events of the batch that is being processed. Where the object itself came earlier than
    something that it waited for, the cause is what came last."""

    by_object: dict[str, int] = field(default_factory=dict)
    by_payment: dict[str, int] = field(default_factory=dict)
    reason: str = ""

    def find(self, wanted: Iterable[Wanted]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for want in wanted:
            event = self.by_object.get(want.object_id) or max(
                (self.by_payment[key] for key in want.payments if key in self.by_payment),
                default=None,
            )
            if event:
                found[want.object_id] = event
        return found

    def add(self, object_id: str, event_id: int, payments: Iterable[str]) -> None:
        """Note that the event changed the object, which belongs to these payments."""
        self.by_object[object_id] = event_id
        for key in payments:
            self.by_payment[key] = max(event_id, self.by_payment.get(key, 0))


@dataclass
class FromInbox:
    """The last event of each object that was processed: for what happens without a new one."""

    reason: str

    def find(self, wanted: Iterable[Wanted]) -> Mapping[str, int]:
        ids = sorted({want.object_id for want in wanted})
        if not ids:
            return {}
        rows = (
            StripeEvent.objects.filter(
                object_type__in=["charge", "refund", "checkout.session"],
                object_id__in=ids,
                status=StripeEvent.Status.PROCESSED,
            )
            .order_by("object_id", "-id")
            .distinct("object_id")
        )
        return dict(rows.values_list("object_id", "pk"))
