"""Refunds of orders that people ask for: in full, a part of a charge, or lines.

What is asked is recorded under the locks of charges and orders, with who asked and why, before
Stripe hears of it (``payments.refund_requests``). The order changes when Stripe says that the
refund succeeded, not before.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from auditlog.services import Entry, record_all
from orders.models import Order, OrderLine, OrderPayment, RefundedLine
from orders.refunds import captured_charges, returnable_lines
from orders.services.handling import ReasonMissing
from orders.services.locking import lock_orders
from payments.models import Charge, RefundRequest
from payments.money import format_money, step
from payments.refund_requests import RefundImpossible, Wish, lock_charges, record_wishes
from payments.refund_sending import send_now

# How many orders are locked and refunded in one transaction.
CHUNK = 100


@dataclass(frozen=True)
class Returned:
    """So many units of a line are refunded; ``restock``: they go back into stock then."""

    line_id: int
    quantity: int
    restock: bool = False


@dataclass(frozen=True)
class Ask:
    """One refund of an order that somebody wants."""

    order_id: int
    wish: Wish
    returned: Sequence[Returned] = ()


def refund_order(
    order_id: int,
    *,
    charge_id: str,
    amount: int,
    reason: str,
    request: UUID,
    stripe_reason: str = "",
    returned: Sequence[Returned] = (),
) -> RefundRequest:
    """Ask Stripe to refund ``amount`` (minor units) of one of the order's charges, for the lines
    ``returned`` where it is for lines; return the request as it stands after a bounded wait.

    ``request`` names the wish: the same name asks for the same refund. ``stripe_reason`` is one of
    ``RefundReason``. A request that Stripe didn't answer is sent again by the worker. Not to be
    called within a transaction.

    Raises:
        RefundImpossible: the charge isn't this order's, or has less left than that, or the lines
            have fewer units. Nothing was recorded.
        ReasonMissing: no reason was given.
        NotConfigured: there is no key.
    """
    wish = Wish(request, charge_id, amount, stripe_reason, said(reason))
    record_asks([Ask(order_id, wish, returned)])
    send_now([request])
    return RefundRequest.objects.select_related("refund").get(pk=request)


def record_asks(asks: Sequence[Ask]) -> list[RefundRequest]:
    """Record requests for these refunds, all or none, audited. A bounded number of statements, but
    for two an order that has lines refunded.

    Raises:
        RefundImpossible, NotConfigured: as ``refund_order``.
    """
    with transaction.atomic():
        charge_ids = {ask.wish.charge_id for ask in asks}
        lock_charges(charge_ids)
        orders = lock_orders({ask.order_id for ask in asks})
        known = set(
            RefundRequest.objects.filter(pk__in=[ask.wish.id for ask in asks]).values_list(
                "pk", flat=True
            )
        )
        belongs = owners(charge_ids)
        for ask in asks:
            if belongs.get(ask.wish.charge_id) != ask.order_id:
                number = orders[ask.order_id].number if ask.order_id in orders else ask.order_id
                raise RefundImpossible(f"{ask.wish.charge_id} isn't a charge of order {number}")
        requests = record_wishes([ask.wish for ask in asks])
        fresh = [
            (ask, request)
            for ask, request in zip(asks, requests, strict=True)
            if request.pk not in known
        ]
        for ask, request in fresh:
            if ask.returned:
                record_lines(orders[ask.order_id], request, ask.returned)
        record_all(
            Entry(
                "order.refund_asked",
                orders[ask.order_id],
                reason=ask.wish.note,
                after={
                    "charge": request.charge_id,
                    "amount": request.amount,
                    "currency": request.currency,
                    "request": str(request.pk),
                    "lines": [
                        {"line": one.line_id, "quantity": one.quantity, "restock": one.restock}
                        for one in ask.returned
                    ],
                },
            )
            for ask, request in fresh
        )
        return requests


def owners(charge_ids: Collection[str]) -> dict[str, int]:
    """The order that each charge's payment is linked to; one that has none is left out."""
    payment_of = dict(
        Charge.objects.filter(pk__in=charge_ids).order_by().values_list("pk", "payment")
    )
    rows = OrderPayment.objects.filter(payment__in=list(payment_of.values())).order_by()
    order_of = dict(rows.values_list("payment", "order_id"))
    return {
        charge: order_of[payment] for charge, payment in payment_of.items() if payment in order_of
    }


def record_lines(order: Order, request: RefundRequest, returned: Sequence[Returned]) -> None:
    """Note what a new request is for; the caller has locked the order."""
    able = {row.line.pk: row for row in returnable_lines(order)}
    if request.currency != order.currency:
        raise RefundImpossible(
            f"{request.charge_id} is in {request.currency.upper()}, the lines are in "
            f"{order.currency.upper()}: refund it by amount"
        )
    if len({one.line_id for one in returned}) < len(returned):
        raise RefundImpossible("a line is named twice")
    for one in returned:
        row = able.get(one.line_id)
        if row is None:
            raise RefundImpossible(f"there is no such line in order {order.number}")
        if not 0 < one.quantity <= row.left:
            raise RefundImpossible(
                f"{one.quantity} of {row.line.description or 'a line'} can't be refunded: "
                f"{row.left} of {row.line.quantity} left"
            )
        if one.restock and one.quantity > row.restockable:
            raise RefundImpossible(
                f"{one.quantity} of {row.line.description or 'a line'} can't go back into stock: "
                f"{row.restockable} came from it"
            )
    worth = [
        suggested(row.line, one.quantity, order.currency, row.refunded)
        for one in returned
        for row in (able[one.line_id],)
    ]
    RefundedLine.objects.bulk_create(
        RefundedLine(
            request=request,
            line_id=one.line_id,
            quantity=one.quantity,
            amount_minor=share,
            restock=one.restock,
        )
        for one, share in zip(returned, shares(request.amount, worth), strict=True)
    )


def suggested(line: OrderLine, quantity: int, currency: str, already: int = 0) -> int:
    """What ``quantity`` units of the line cost after ``already`` others, in minor units.

    Unit by unit the whole line comes to its total; amounts are such as Stripe takes (no cents where
    the currency has none in use, https://docs.stripe.com/currencies#special-cases). Never negative.
    """
    smallest = step(currency)
    total = max(line.total_minor, 0) // smallest
    after = total * (already + quantity) // line.quantity
    return (after - total * already // line.quantity) * smallest


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """``amount`` in parts as the weights are, none negative, their sum exactly the amount."""
    weights = weights if sum(weights) else [1] * len(weights)
    whole, done, result = sum(weights), 0, []
    for weight in weights:
        result.append(amount * (done + weight) // whole - amount * done // whole)
        done += weight
    return result


@dataclass(frozen=True)
class Refunding:
    """What became of the wish to refund an order in full: its requests, or why there are none."""

    order_id: int
    requests: Sequence[RefundRequest] = ()
    problem: str = ""

    @property
    def words(self) -> str:
        """In one line, for a report."""
        return self.problem or "; ".join(map(describe, self.requests))

    @property
    def refused(self) -> bool:
        """Whether nothing was asked, or Stripe refused it."""
        return bool(self.problem) or self.any(RefundRequest.Status.REFUSED)

    @property
    def unknown(self) -> bool:
        """Whether Stripe was asked and hasn't answered."""
        return self.any(RefundRequest.Status.UNKNOWN)

    def any(self, status: str) -> bool:
        return any(request.status == status for request in self.requests)


def refund_in_full(
    order_ids: Sequence[int], *, reason: str, wish: UUID, stripe_reason: str = ""
) -> list[Refunding]:
    """Ask Stripe to refund all that is left of the orders' charges; return what became of each, in
    the order in which they were given.

    ``wish`` names the whole: sent twice, it asks once. Stripe is asked for as many as can be in a
    bounded wait, for the others by the worker. A bounded number of statements for each hundred
    orders, but for those that send. Not to be called within a transaction.

    Raises:
        ReasonMissing: no reason was given.
        NotConfigured: there is no key.
    """
    note = said(reason)
    results: dict[int, Refunding] = {}
    ids = list(dict.fromkeys(order_ids))
    for start in range(0, len(ids), CHUNK):
        results |= record_in_full(ids[start : start + CHUNK], wish, stripe_reason, note)
    asked = [request.pk for result in results.values() for request in result.requests]
    send_now(asked)
    now = RefundRequest.objects.select_related("refund").in_bulk(asked)
    return [
        Refunding(key, [now[request.pk] for request in found.requests], found.problem)
        for key, found in ((key, results[key]) for key in ids)
    ]


def asked_before(order_id: int, wish: UUID) -> list[RefundRequest]:
    """The requests of the order's that were recorded under this name by ``refund_order`` or
    ``refund_in_full``, if any of them came to something, by charge; three statements."""
    charges = [charge.pk for charge in captured_charges([order_id]).get(order_id, ())]
    names = [wish, *(uuid.uuid5(wish, charge) for charge in charges)]
    requests = list(
        RefundRequest.objects.filter(pk__in=names, charge__in=charges)
        .select_related("refund")
        .order_by("charge_id")
    )
    nothing = (RefundRequest.Status.REFUSED, RefundRequest.Status.WITHDRAWN)
    return requests if any(request.status not in nothing for request in requests) else []


def record_in_full(
    ids: Sequence[int], wish: UUID, stripe_reason: str, note: str
) -> dict[int, Refunding]:
    with transaction.atomic():
        lock_charges(charge.pk for charges in captured_charges(ids).values() for charge in charges)
        orders = lock_orders(ids)
        charges = captured_charges(ids)
        names = {
            charge.pk: uuid.uuid5(wish, charge.pk) for found in charges.values() for charge in found
        }
        known = RefundRequest.objects.in_bulk(list(names.values()))
        asks = [
            Ask(
                order_id,
                Wish(names[charge.pk], charge.pk, charge.left, stripe_reason, note),
            )
            for order_id, found in charges.items()
            for charge in found
            if charge.left and names[charge.pk] not in known
        ]
        made = {request.pk: request for request in record_asks(asks)} if asks else {}
        results = {}
        for order_id in ids:
            of_order = [names[charge.pk] for charge in charges.get(order_id, ())]
            requests = [
                row for key in of_order if (row := made.get(key) or known.get(key)) is not None
            ]
            problem = "" if requests else why_not(orders.get(order_id), charges.get(order_id, ()))
            results[order_id] = Refunding(order_id, requests, problem)
        return results


def why_not(order: Order | None, charges: Sequence[object]) -> str:
    if order is None:
        return "there is no such order"
    return "nothing of it is left to refund" if charges else "nothing was captured for it"


def describe(request: RefundRequest) -> str:
    """What came of a request, for whoever asked; reads its refund."""
    amount = format_money(request.amount, request.currency)
    match request.status:
        case RefundRequest.Status.MADE:
            refund = request.refund
            state = refund.status.replace("_", " ")
            why = refund.failure_reason or refund.pending_reason
            return f"{amount}: {state}" + (f" ({why.replace('_', ' ')})" if why else "")
        case RefundRequest.Status.REFUSED:
            return f"{amount}: Stripe refused it: {request.error}"
        case RefundRequest.Status.WITHDRAWN:
            return f"{amount}: withdrawn"
        case RefundRequest.Status.UNKNOWN if request.error:
            return (
                f"{amount}: recorded; Stripe hasn’t answered and is asked again under the same "
                f"name, which makes no second refund ({request.error})"
            )
        case RefundRequest.Status.UNKNOWN:
            return f"{amount}: recorded; Stripe is being asked"
    why = f" ({request.error})" if request.error else ""
    return f"{amount}: recorded; it will be sent to Stripe{why}"


def said(reason: str) -> str:
    """The reason without surrounding space.

    Raises:
        ReasonMissing: there is none.
    """
    if not reason.strip():
        raise ReasonMissing("say why")
    return reason.strip()
