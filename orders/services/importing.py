"""Orders from a file: all of them or none, and the same file again changes nothing."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, zip_longest
from typing import TypeVar

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from auditlog.context import current_actor
from auditlog.services import record_all
from orders.changes import OrderChange, announce
from orders.models import Order, OrderLine, OrderTransition
from orders.services.creation import attach_waiting, created, insert_orders
from orders.services.import_file import Mistake, Parsed
from orders.services.lines import read_lines
from orders.services.locking import lock_every_buyer, lock_numbers, lock_products
from orders.services.new_orders import NewOrder
from orders.services.payment_facts import normalized_email
from orders.services.stock import take_and_restock
from orders.services.storing import save_all, save_orders
from orders.services.tracking import NO_TRACKING, Tracking
from orders.services.transitions import Move, move_all
from orders.states import OrderStatus
from payments.money import format_money

T = TypeVar("T")

BATCH = 1000
MOST_KEPT = 1000


class ImportDisturbed(RuntimeError):
    """The database ended it, or somebody else made one of the orders meanwhile. Nothing was
    imported, and again will do."""


class LinkingDisturbed(RuntimeError):
    """All orders were imported, but not all payments that wait for one of them are linked; the same
    file again goes on with that."""


@dataclass
class Imported:
    """What came of a file. With ``mistakes`` nothing was imported; of them the first thousand are
    kept, ``mistaken`` counts all. ``linked`` are orders that payments had been waiting for."""

    made: int = 0
    unchanged: int = 0
    lines: int = 0
    linked: int = 0
    oversold: int = 0
    mistaken: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, mistakes: Sequence[Mistake]) -> None:
        """Count the mistakes, and keep the first."""
        self.mistaken += len(mistakes)
        self.mistakes += mistakes[: MOST_KEPT - len(self.mistakes)]


def import_orders(
    orders: Iterable[Parsed], *, reason: str, take_stock: bool = False, dry_run: bool = False
) -> Imported:
    """Make the orders that aren't there, in one transaction; ``dry_run`` only looks.

    An order that is there must say the same, else that is a mistake. One that the file says was
    paid has had its turn at the stock elsewhere, unless ``take_stock``. Afterwards, payments that
    wait for one of the orders are linked to it, as they would have been when it was made.
    A bounded number of statements for each thousand orders.

    It holds every buyer until it ends, so whatever brings a new one waits for it.

    Raises:
        ImportDisturbed, LinkingDisturbed: see there.
        orders.csv_files.Unreadable: while reading ``orders``.
    """
    result = Imported()
    numbers: list[str] = []
    served: list[int] = []
    now = timezone.now()
    try:
        with transaction.atomic():
            spare_subtransactions()
            if not dry_run:
                lock_every_buyer()
            for batch in in_batches(orders):
                fresh = sort_out(batch, result)
                result.lines += sum(len(new.lines) for new in fresh)
                result.made += len(fresh)
                if not (result.mistaken or dry_run):
                    numbers += [one.number for one in batch]
                    made = insert(fresh, reason, now, take_stock=take_stock)
                    served += [
                        order.pk for order in made if order.paid_at and not order.stock_settled
                    ]
            if result.mistaken:
                transaction.set_rollback(True)
            elif take_stock:
                result.oversold = serve(served)
    except IntegrityError as error:
        raise ImportDisturbed(
            "an order of this file was made by somebody else just now: try again"
        ) from error
    except (OperationalError, InterfaceError) as error:
        raise ImportDisturbed(f"{first_line(error)}: try again") from error
    if result.mistaken:
        result.made = result.lines = result.unchanged = 0
    else:
        try:
            result.linked = sum(link(some, reason) for some in in_batches(numbers, BATCH // 2))
        except (OperationalError, InterfaceError, KeyboardInterrupt) as error:
            raise LinkingDisturbed(first_line(error)) from error
    return result


def first_line(error: BaseException) -> str:
    """What the database says; what follows may be rows, buyers and all."""
    return str(error).partition("\n")[0] or "interrupted"


def spare_subtransactions() -> None:
    """Say that no trigger is ignored. Where nothing is said, each call of a trigger of pgtrigger's
    fails to read it in a subtransaction, whose end looks through all checks that wait for the
    commit: the time grew with the square of the file."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")


def in_batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def sort_out(batch: Sequence[Parsed], result: Imported) -> list[NewOrder]:
    """The orders of the batch that aren't there; what is there, or wrong, is counted."""
    known = existing([one.number for one in batch if one.new])
    fresh = []
    for one in batch:
        if one.new is None:
            result.add(one.mistakes)
        elif (there := known.get(one.number)) is None:
            fresh.append(one.new)
        else:
            differing = [Mistake(one.line, *words) for words in differences(one.new, there)]
            result.add(differing)
            result.unchanged += not differing
    return fresh


@dataclass(frozen=True)
class Existing:
    """An order that is there, with what an import says of one."""

    order: Order
    lines: Sequence[OrderLine]
    moved_at: Mapping[str, datetime]


def existing(numbers: Sequence[str]) -> dict[str, Existing]:
    """Those of the orders that are there, by number; one statement, or three."""
    orders = list(Order.objects.filter(number__in=numbers).select_related("customer").order_by())
    if not orders:
        return {}
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    rows = OrderLine.objects.filter(order__in=orders).select_related("product")
    for line in rows.order_by("order_id", "position"):
        lines[line.order_id].append(line)
    moved: dict[int, dict[str, datetime]] = defaultdict(dict)
    for order_id, status, at in (
        OrderTransition.objects.filter(order__in=orders)
        .order_by("id")
        .values_list("order_id", "to_status", "at")
    ):
        moved[order_id][status] = at
    return {order.number: Existing(order, lines[order.pk], moved[order.pk]) for order in orders}


def differences(new: NewOrder, there: Existing) -> Iterator[tuple[str, str]]:
    """Column by column what the file says and isn't so. What it doesn't say isn't compared: the
    order may have come to know it, and may have moved on."""
    order = there.order
    customer = order.customer.stripe_customer_id if order.customer else None
    told: list[tuple[str, object, object]] = [
        ("currency", new.currency, order.currency),
        ("placed_at", new.placed_at, order.placed_at),
        ("email", normalized_email(new.email), order.email),
        ("stripe_customer", new.stripe_customer, customer),
        ("paid_at", new.paid_at, there.moved_at.get(OrderStatus.PAID)),
        ("fulfilled_at", new.fulfilled_at, there.moved_at.get(OrderStatus.FULFILLED)),
        ("canceled_at", new.canceled_at, there.moved_at.get(OrderStatus.CANCELED)),
    ]
    if new.tracking != NO_TRACKING:
        told.append(
            ("tracking_number", new.tracking, Tracking(order.carrier, order.tracking_number))
        )
    for name in ("total", "subtotal", "discount", "tax", "shipping"):
        said, known = getattr(new, f"{name}_minor"), getattr(order, f"{name}_minor")
        if said is not None:
            told.append((name, amount(said, new.currency), amount(known, order.currency)))
    for name, said, known in told:
        if said and said != known:
            yield name, f"is {known or 'not known'} in the order that is there, not {said}"
    if new.lines:
        lines = [
            (
                line.product.sku if line.product else "",
                line.description,
                line.quantity,
                line.total_minor,
            )
            for line in there.lines
        ]
        wanted = [
            (line.sku, line.description, line.quantity, line.total_minor) for line in new.lines
        ]
        for number, (said_line, known_line) in enumerate(zip_longest(wanted, lines), 1):
            if said_line != known_line:
                yield (
                    "line_description",
                    (
                        f"the order that is there has {shown(known_line, order.currency)} as line "
                        f"{number}, not {shown(said_line, new.currency)}"
                    ),
                )
                break


def amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else format_money(minor, currency)


def shown(line: tuple[str, str, int, int] | None, currency: str) -> str:
    if line is None:
        return "nothing"
    sku, description, quantity, total = line
    return f"{quantity} × {description or sku} for {format_money(total, currency)}"


def insert(
    news: Sequence[NewOrder], reason: str, now: datetime, *, take_stock: bool
) -> list[Order]:
    """The orders, moved to where the file says that they are."""
    orders = insert_orders(news, Order.Source.IMPORT, now, buyers_locked=True)
    record_all([created(order, reason) for order in orders])
    pairs = list(zip(orders, news, strict=True))
    for order, new in pairs:
        order.stock_settled = bool(new.canceled_at or (new.paid_at and not take_stock))
    move(
        [(order, OrderStatus.PAID, new.paid_at) for order, new in pairs if new.paid_at],
        reason,
    )
    for order, new in pairs:
        order.carrier, order.tracking_number = new.tracking.carrier, new.tracking.number
    move(
        [
            (order, OrderStatus.FULFILLED, new.fulfilled_at)
            for order, new in pairs
            if new.fulfilled_at
        ]
        + [
            (order, OrderStatus.CANCELED, new.canceled_at)
            for order, new in pairs
            if new.canceled_at
        ],
        reason,
    )
    announce([OrderChange(None, order) for order in orders])
    return orders


def move(steps: Sequence[tuple[Order, OrderStatus, datetime]], reason: str) -> None:
    actor = current_actor().user
    move_all([Move(order, to, at=at, actor=actor, reason=reason) for order, to, at in steps])


def serve(order_ids: Iterable[int]) -> int:
    """Take the stock for imported orders, the first that was paid first, as if they were paid now;
    return how many are oversold. Holds the products, all of them at once."""
    ids = list(order_ids)
    wanted = OrderLine.objects.filter(order__in=ids, product__isnull=False).order_by()
    products = lock_products(wanted.values_list("product_id", flat=True).distinct())
    oversold = 0
    for some in in_batches(
        Order.objects.filter(pk__in=ids).order_by("paid_at", "pk").iterator(BATCH)
    ):
        before = [copy.copy(order) for order in some]
        lines = read_lines([order.pk for order in some])
        save_all(take_and_restock(some, [], lines, products), ("taken",))
        save_orders(some)
        oversold += sum(order.oversold for order in some)
        announce([OrderChange(was, order) for was, order in zip(before, some, strict=True)])
    save_all(list(products.values()), ("stock",))
    return oversold


def link(numbers: Sequence[str], reason: str) -> int:
    """Link payments that wait for one of the orders; return for how many there were some.

    In a transaction of its own for each few hundred: the numbers are held, and there is room for
    so many locks. A payment that was being looked at while the orders were made is seen here.
    """
    with transaction.atomic():
        lock_numbers(numbers)
        rows = Order.objects.filter(number__in=numbers).order_by().values_list("number", "pk")
        return len(attach_waiting(dict(rows), reason, new=False))
