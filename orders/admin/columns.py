"""What the pages of orders show in more than one place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from orders.flags import Flag
from orders.models import Customer, Order
from orders.states import WAITS_SINCE, OrderStatus, RefundStatus
from payments.admin.columns import admin_link, money
from payments.admin.mirror import moment

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
def status(order: Order) -> str:
    return order.get_status_display()


@admin.display(description="refunded")
def refunded(order: Order) -> SafeString | str:
    """How much of what was captured has been refunded, and whether that is a part or all."""
    if order.refund_status == RefundStatus.NONE:
        return NONE
    return format_html(
        '{}<span class="share">{}</span>',
        money(order.refunded_minor, order.currency),
        order.refund_status,
    )


@admin.display(description="placed")
def placed(order: Order) -> SafeString | str:
    """When it was placed."""
    return moment(order.placed_at)


def flag_words(flags: Sequence[Flag]) -> SafeString | str:
    """The flags, each with its mark, its word and its meaning."""
    if not flags:
        return NONE
    return format_html_join(
        " ",
        '<strong class="flag" title="{}"><span aria-hidden="true">{}</span> {}</strong>',
        ((flag.meaning, flag.mark, flag.label) for flag in flags),
    )


@admin.display(description="age")
def age(order: Order) -> SafeString | str:
    """How long a pending order has waited to be paid, a paid one to be fulfilled."""
    column = WAITS_SINCE.get(OrderStatus(order.status))
    since: datetime | None = getattr(order, column) if column else None
    if since is None:
        return NONE
    return format_html(
        '<time class="figure" datetime="{}" title="since {}">{}</time>',
        since.isoformat(),
        f"{since:%Y-%m-%d %H:%M:%S} UTC",
        duration(timezone.now() - since),
    )


def duration(length: timedelta) -> str:
    """``3 d``, ``5 h`` or ``12 min``: whole ones of the largest unit that there is one of."""
    minutes = max(int(length.total_seconds()) // 60, 0)
    if minutes >= 24 * 60:
        return f"{minutes // (24 * 60):,} d"
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


def figure(number: int) -> SafeString:
    """A number for a column of figures."""
    return format_html('<span class="figure">{}</span>', f"{number:,}")
