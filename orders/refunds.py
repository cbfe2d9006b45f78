"""Queries about the refunds of an order: what is left to refund, what was asked, what became of it.

For pages: :func:`refund_story` is all of it in the order in which it happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from orders.models import Order, OrderLine, OrderPayment, RefundedLine
from payments.models import Refund, Refundable, RefundRequest

Status = RefundRequest.Status


def refundable_charges(order: Order) -> list[Refundable]:
    """The order's captured charges of which something is left to refund, the first captured first;
    two statements."""
    return [charge for charge in captured_charges([order.pk]).get(order.pk, []) if charge.left]


def captured_charges(order_ids: Collection[int]) -> dict[int, list[Refundable]]:
    """The captured charges of the orders, the first captured first; two statements."""
    rows = OrderPayment.objects.filter(order__in=list(order_ids)).order_by()
    order_of = dict(rows.values_list("payment", "order_id"))
    found: dict[int, list[Refundable]] = {}
    if order_of:
        charges = Refundable.objects.filter(payment__in=list(order_of))
        for charge in charges.order_by("captured_at", "id"):
            found.setdefault(order_of[charge.payment], []).append(charge)
    return found


@dataclass(frozen=True)
class ReturnableLine:
    """A line and how many of its units can still be refunded, and put back into stock."""

    line: OrderLine
    refunded: int
    restockable: int

    @property
    def left(self) -> int:
        """Units that no refund is for yet."""
        return self.line.quantity - self.refunded


def returnable_lines(order: Order) -> list[ReturnableLine]:
    """The order's lines in their order; two statements."""
    lines = list(order.lines.select_related("product").order_by("position"))
    sums = {
        row["line"]: row
        for row in RefundedLine.objects.filter(line__in=lines)
        .exclude(request__status__in=[Status.REFUSED, Status.WITHDRAWN])
        .exclude(request__refund__status__in=Refund.UNDONE)
        .order_by()
        .values("line")
        .annotate(
            refunded=Sum("quantity"),
            waiting=Sum("quantity", filter=Q(restock=True, restocked_at__isnull=True)),
        )
    }
    return [
        ReturnableLine(
            line,
            refunded=sums[line.pk]["refunded"] if line.pk in sums else 0,
            restockable=max(
                line.taken - ((sums[line.pk]["waiting"] or 0) if line.pk in sums else 0), 0
            ),
        )
        for line in lines
    ]


@dataclass(frozen=True)
class RefundStory:
    """A refund of an order, from the wish to what became of it. One that was made in Stripe's
    dashboard has no ``request``; one that Stripe hasn't made, or that hasn't come in, no
    ``refund``."""

    request: RefundRequest | None
    refund: Refund | None
    lines: Sequence[RefundedLine] = field(default=())

    @property
    def amount(self) -> int:
        """In minor units of ``currency``."""
        return self.refund.amount if self.refund else self._request.amount

    @property
    def currency(self) -> str:
        return self.refund.currency if self.refund else self._request.currency

    @property
    def charge_id(self) -> str:
        return str(self.refund.charge_id if self.refund else self._request.charge_id)

    @property
    def at(self) -> datetime | None:
        """When it was asked for here, else when Stripe made it."""
        if self.request:
            return self.request.asked_at
        return self.refund.created if self.refund else None

    @property
    def state(self) -> str:
        """Stripe's status once there is a refund, else the request's, in words."""
        if self.refund:
            return self.refund.status.replace("_", " ")
        if self._request.status == Status.MADE:
            return "made, not received yet"
        return self._request.get_status_display()

    @property
    def detail(self) -> str:
        """Why it is in that state, where somebody said."""
        if self.refund:
            why = self.refund.failure_reason or self.refund.pending_reason
            return why.replace("_", " ")
        return self._request.error

    @property
    def why(self) -> str:
        """The reason: our own words, else Stripe's."""
        if self.request:
            return self.request.note or self.request.reason
        assert self.refund
        return str(self.refund.metadata.get("reason") or self.refund.reason)

    @property
    def _request(self) -> RefundRequest:
        assert self.request
        return self.request


def refund_story(requests: Iterable[RefundRequest], refunds: Iterable[Refund]) -> list[RefundStory]:
    """What was refunded and what was asked for as one list, the first first; one statement."""
    asked = {request.pk: request for request in requests}
    made = {refund.pk: refund for refund in refunds}
    by_refund = {request.refund_id: request for request in asked.values() if request.refund_id}
    lines: dict[object, list[RefundedLine]] = {}
    if asked:
        rows = RefundedLine.objects.filter(request__in=list(asked)).select_related("line")
        for row in rows.order_by("line__position"):
            lines.setdefault(row.request_id, []).append(row)

    def told(request: RefundRequest | None, refund: Refund | None) -> RefundStory:
        return RefundStory(request, refund, lines.get(request.pk, ()) if request else ())

    stories = [told(by_refund.get(key), refund) for key, refund in made.items()]
    stories += [told(request, None) for request in asked.values() if request.refund_id not in made]
    return sorted(stories, key=lambda story: (story.at is None, story.at))


def refund_requests_of(charges: Iterable[str]) -> QuerySet[RefundRequest]:
    """The refunds that were asked for here of these charges, the newest first."""
    return (
        RefundRequest.objects.filter(charge__in=charges)
        .select_related("asked_by")
        .order_by("-asked_at", "-id")
    )
