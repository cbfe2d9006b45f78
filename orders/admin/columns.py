"""What the pages of orders show in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html

from orders.models import Customer, Order
from payments.admin.columns import admin_link

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

NONE = "–"


@admin.display(description="buyer")
def buyer(order: Order) -> SafeString | str:
    """Who bought: a link to the customer, else the address alone."""
    if order.customer is None:
        return order.email or NONE
    return admin_link(Customer, order.customer.pk, str(order.customer))


@admin.display(description="status")
def status(order: Order) -> SafeString | str:
    """The status, and what is wrong with it beside it."""
    if not order.oversold:
        return order.get_status_display()
    return format_html('{} <strong class="flag">oversold</strong>', order.get_status_display())


@admin.display(description="refund")
def refund_status(order: Order) -> str:
    """Whether nothing, a part or all of what was captured has been refunded."""
    return NONE if order.refund_status == "none" else order.refund_status
