"""What the tests of refund requests share: a charge that the mirror knows, and wishes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from payments import inbox, processing
from payments.models import Charge, Refundable, RefundRequest, Source
from payments.refund_requests import Wish, record_wishes
from standin import StandIn


def hear(standin: StandIn) -> None:
    """Everything that Stripe would have told by webhook so far."""
    inbox.store(standin.events_since(0, limit=10_000), Source.WEBHOOK)
    processing.drain()


def captured(standin: StandIn, amount: int = 5000, **values: Any) -> Charge:
    """A captured charge of 50.00 USD that the mirror knows."""
    charge = str(standin.create_payment(amount, **values)["latest_charge"])
    hear(standin)
    return Charge.objects.get(pk=charge)


def wish(charge: Charge, amount: int = 1200, id: UUID | None = None, **values: Any) -> Wish:
    return Wish(id or uuid4(), charge.pk, amount, **values)


def recorded(charge: Charge, amount: int = 1200, **values: Any) -> RefundRequest:
    """A request for 12.00 USD that waits to be sent."""
    [request] = record_wishes([wish(charge, amount, **values)])
    return request


def refunds_at(standin: StandIn, charge: Charge) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = standin.api("GET", "/v1/refunds", {"charge": charge.pk})["data"]
    return found


def left_of(charge: Charge) -> int:
    return Refundable.objects.get(pk=charge.pk).left_minor
