"""A small shop for tests: it writes mirror rows and orders, and tells the analytics app."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any, TypeVar

from analyticsapp.models import DaySnapshot
from analyticsapp.services.dirty_days import orders_changed, payments_changed
from analyticsapp.tables.sales import SALES
from orders.changes import OrderChange
from orders.models import Order, OrderTransition
from orders.states import OrderStatus
from payments.changes import Change, Changes
from payments.models import BalanceTransaction, Charge, MirrorObject, Refund

M = TypeVar("M", bound=MirrorObject)
_numbers = count(1)
SHOWN = (
    "gross_minor",
    "payments",
    "refunds_minor",
    "refunds",
    "orders",
    "order_value_minor",
)


def at(day: int, hour: int = 12, minute: int = 0, month: int = 11, year: int = 2026) -> datetime:
    """A time in November 2026, UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def put(model: type[M], id: str, **values: Any) -> M:
    """Make or change a mirrored object, as projection does it, and announce the change."""
    rows = model._default_manager.filter(id=id)
    before = rows.first()
    row = rows.first() or model(id=id, livemode=False, as_of=at(1))
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    row = rows.get()  # with its generated columns
    payments_changed(Changes({model: {id: Change(before, row, event_id=1)}}))
    return row


def charge(
    amount: int,
    captured_at: datetime | None,
    *,
    currency: str = "eur",
    id: str = "",
    **values: Any,
) -> Charge:
    """A charge, captured whole unless ``values`` say otherwise."""
    return put(
        Charge,
        id or f"ch_{next(_numbers)}",
        amount=amount,
        currency=currency,
        captured_at=captured_at,
        **{
            "created": captured_at,
            "amount_captured": amount if captured_at else 0,
            "status": "succeeded",
            **values,
        },
    )


def refund(of: Charge, amount: int, succeeded_at: datetime | None, **values: Any) -> Refund:
    """A refund of a charge."""
    return put(
        Refund,
        values.pop("id", "") or f"re_{next(_numbers)}",
        amount=amount,
        currency=of.currency,
        charge_id=of.id,
        status="succeeded" if succeeded_at else "pending",
        succeeded_at=succeeded_at,
        created=succeeded_at,
        **values,
    )


def transaction(id: str, created: datetime, amount: int = 0) -> BalanceTransaction:
    """A movement of the balance."""
    return put(
        BalanceTransaction,
        id,
        amount=amount,
        fee=0,
        net=amount,
        currency="eur",
        type="refund",
        reporting_category="refund",
        status="available",
        available_on=created,
        created=created,
    )


def order(
    paid_at: datetime | None, captured: int = 0, *, currency: str = "eur", **values: Any
) -> Order:
    """An order, paid if a time is given."""
    number = f"order-{next(_numbers)}"
    row = Order.objects.create(
        number=number,
        source=Order.Source.SHOP,
        currency=currency,
        total_minor=captured,
        placed_at=at(1),
        created_at=at(1),
        **values,
    )
    orders_changed([OrderChange(None, row)])
    return move(row, OrderStatus.PAID, paid_at, captured) if paid_at else row


def move(row: Order, to: OrderStatus, when: datetime, captured: int | None = None) -> Order:
    """Move an order on, with its transition."""
    before = Order.objects.get(pk=row.pk)
    after = Order.objects.get(pk=row.pk)
    after.status = to
    setattr(after, f"{to}_at", when)
    if captured is not None:
        after.captured_minor = captured
    OrderTransition.objects.create(
        order=after,
        from_status=before.status,
        to_status=to,
        at=when,
        recorded_at=when,
        reason="test",
    )
    after.save()
    orders_changed([OrderChange(before, after)])
    return after


def figures(**only: Any) -> dict[tuple[date, str], dict[str, int]]:
    """The snapshots of sales by day and currency."""
    rows = DaySnapshot.objects.filter(**only).values("day", "currency", *SHOWN, "net_sales_minor")
    return {(row.pop("day"), row.pop("currency")): row for row in rows}


def sales() -> dict[tuple[date, str], dict[str, int]]:
    """The snapshots by day and currency, with all that they hold."""
    rows = DaySnapshot.objects.values("day", "currency", *SALES.measures, "net_sales_minor")
    return {(row.pop("day"), row.pop("currency")): row for row in rows}


def net(day: int) -> int:
    """Net sales of a day of November 2026 that has one currency."""
    snapshot = DaySnapshot.objects.get(day=date(2026, 11, day))
    return snapshot.gross_minor - snapshot.refunds_minor
