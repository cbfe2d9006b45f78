"""Refunds that people ask for: how much of which charge, and why."""

from __future__ import annotations

from django.db import transaction

from auditlog.services import record
from orders.models import Order
from orders.selectors import RefundableCharge, refundable_charges
from orders.services.handling import ReasonMissing, locked
from payments.money import format_money
from payments.refunds import ask_refund


class RefundImpossible(ValueError):
    """Stripe needn't be asked for that refund; the message says why."""


def refund_order(
    order_id: int, *, charge_id: str, amount: int, reason: str, request: str
) -> RefundableCharge:
    """Ask Stripe to refund ``amount`` (minor units) of one of the order's charges.

    The order changes when Stripe says that the refund succeeded, not before. ``request`` names the
    wish: the same name asks for the same refund. Not to be called within a transaction.

    Raises:
        RefundImpossible: the charge isn't this order's, or has less left than that.
        ReasonMissing: no reason was given.
        payments.refunds.RefundError: what Stripe answered.
    """
    if not reason.strip():
        raise ReasonMissing("say why")
    with transaction.atomic():
        order = locked(order_id)
        charge = check_refund(order, charge_id, amount)
        record(
            "order.refund_asked",
            order,
            reason=reason.strip(),
            after={
                "charge": charge_id,
                "amount": amount,
                "currency": charge.currency,
                "request": request,
            },
        )
    ask_refund(charge_id=charge_id, amount=amount, reason=reason.strip(), request=request)
    return charge


def check_refund(order: Order, charge_id: str, amount: int) -> RefundableCharge:
    """The charge to refund, if that much of it is left; else raises RefundImpossible."""
    charges = {charge.charge_id: charge for charge in refundable_charges(order)}
    charge = charges.get(charge_id)
    if charge is None:
        raise RefundImpossible(f"nothing of {charge_id} is left to refund for order {order.number}")
    if not 0 < amount <= charge.left:
        raise RefundImpossible(
            f"{format_money(amount, charge.currency)} can't be refunded: "
            f"{format_money(charge.left, charge.currency)} of {charge_id} is left"
        )
    return charge
