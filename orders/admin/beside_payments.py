"""The order of a payment, shown beside the payment's objects in their lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Expression, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from orders.admin import columns
from orders.models import Order, OrderPayment
from payments.admin.columns import admin_link
from payments.admin.extra import add_column
from payments.models import Charge, Dispute, MirrorObject, PaymentIntent, Refund

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

# The key of its payment, as ``OrderPayment.payment`` has it. An object may come before its charge.
VIA_CHARGE = Coalesce("payment_intent_id", "charge__payment", "charge_id")
PAYMENT_OF: dict[type[MirrorObject], Expression | F] = {
    PaymentIntent: F("id"),
    Charge: F("payment"),
    Refund: VIA_CHARGE,
    Dispute: VIA_CHARGE,
}


@admin.display(description="order")
def order_of_payment(row: Any) -> SafeString | str:
    """The order that the payment belongs to, if it does to one."""
    return admin_link(Order, row.order_pk, row.order_number) if row.order_pk else columns.NONE


def linked() -> QuerySet[OrderPayment]:
    return OrderPayment.objects.filter(payment=OuterRef("payment_key")).order_by()


for model, key in PAYMENT_OF.items():
    add_column(
        model,
        order_of_payment,
        permission="orders.view_order",
        payment_key=key,
        order_pk=Subquery(linked().values("order_id")),
        order_number=Subquery(linked().values("order__number")),
    )
