"""A file of orders: its columns, and what each of its orders says, with every mistake by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from orders.csv_files import Columns, CsvFile, Record
from orders.services.new_orders import NewLine, NewOrder, faults, like_stripes
from orders.services.tracking import BadTracking, Tracking, tracking
from payments.money import CURRENCY, BadAmount, parse_money

# What each column holds. The documentation is made of this; those marked with * must be there.
ORDER_COLUMNS = {
    "number": "* the order’s number, 1 to 255 characters; not one that begins as Stripe’s ids do",
    "currency": "* three letters, such as USD",
    "total": "* what the buyer pays in all, such as 1,234.50: a point for decimals",
    "placed_at": "* when it was placed, with its zone: 2026-03-01T12:00:00Z or +01:00",
    "email": "the buyer’s address",
    "name": "the buyer’s name",
    "stripe_customer": "the buyer’s id at Stripe, cus_…",
    "subtotal": "the amount before discount, tax and shipping; empty: not known, which isn’t 0",
    "discount": "the discount; empty: not known",
    "tax": "the tax; empty: not known",
    "shipping": "the shipping; empty: not known",
    "paid_at": "when it was paid elsewhere; empty: it is pending",
    "fulfilled_at": "when it was fulfilled; needs paid_at",
    "canceled_at": "when it was canceled; not together with fulfilled_at",
    "carrier": "who carried it; needs fulfilled_at",
    "tracking_number": "under which number; needs fulfilled_at",
}
LINE_COLUMNS = {
    "line_sku": "the product’s SKU; one that the catalogue lacks is added to it, not counted",
    "line_description": "what was bought; a line has this or a SKU",
    "line_quantity": "how many",
    "line_total": "what they cost together, after discounts, tax included",
}
REQUIRED = tuple(name for name, what in ORDER_COLUMNS.items() if what.startswith("*"))
COLUMNS = Columns(
    required=REQUIRED,
    optional=tuple(name for name in (*ORDER_COLUMNS, *LINE_COLUMNS) if name not in REQUIRED),
)
AMOUNTS = ("total", "subtotal", "discount", "tax", "shipping")
TIMES = ("placed_at", "paid_at", "fulfilled_at", "canceled_at")
# The order's fields that have another name in the file.
LINE_FIELDS = {
    "sku": "line_sku",
    "description": "line_description",
    "quantity": "line_quantity",
    "line_total": "line_total",
}
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class Mistake:
    """Something that can't be, by line and column; ``column`` is empty where it is the row."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}{', ' * bool(self.column)}{self.column}: {self.message}"


@dataclass
class Parsed:
    """An order as the file says it: where it begins, and the mistakes, without which ``new`` is
    there."""

    line: int
    number: str = ""
    new: NewOrder | None = None
    mistakes: list[Mistake] = field(default_factory=list)


def read_orders(file: CsvFile, now: datetime) -> Iterator[Parsed]:
    """The orders of the file, one by one. Rows of one order stand together.

    Raises:
        Unreadable: the file isn't text.
    """
    seen: dict[str, int] = {}
    for rows in together(file):
        first = rows[0]
        number = first.values.get("number", "")
        if first.problem:
            yield Parsed(first.line, mistakes=[Mistake(first.line, "", first.problem)])
            continue
        parsed = Reader(rows, now).read()
        if number in seen:
            words = f"order {number} begins in line {seen[number]}: its rows must stand together"
            parsed.mistakes.append(Mistake(first.line, "number", words))
            parsed.new = None
        elif number:
            seen[number] = first.line
        yield parsed


def together(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Rows that follow each other and have the same number."""
    rows: list[Record] = []
    for record in records:
        same = rows and not record.problem and not rows[0].problem
        if same and record.values["number"] == rows[0].values["number"] != "":
            rows.append(record)
        else:
            if rows:
                yield rows
            rows = [record]
    if rows:
        yield rows


class Reader:
    """Reads the rows of one order."""

    def __init__(self, rows: Sequence[Record], now: datetime) -> None:
        self.rows = rows
        self.first = rows[0]
        self.values: Mapping[str, str] = self.first.values
        self.now = now
        self.currency = self.values["currency"].lower()
        self.parsed = Parsed(self.first.line, self.values["number"])

    def read(self) -> Parsed:
        """The order, or its mistakes."""
        for name in REQUIRED:
            if not self.values[name]:
                self.wrong(name, "is empty")
        if like_stripes(self.parsed.number):
            self.wrong("number", "begins as Stripe’s ids do")
        self.check_repeated()
        total, *others = (self.amount(self.first, name) for name in AMOUNTS)
        placed, paid, fulfilled, canceled = (self.time(name) for name in TIMES)
        self.check_course(paid, fulfilled, canceled)
        new = NewOrder(
            number=self.parsed.number,
            currency=self.currency,
            total_minor=total or 0,
            lines=[line for row in self.rows if (line := self.line(row))],
            email=self.values.get("email", ""),
            name=self.values.get("name", ""),
            stripe_customer=self.values.get("stripe_customer", ""),
            placed_at=placed,
            subtotal_minor=others[0],
            discount_minor=others[1],
            tax_minor=others[2],
            shipping_minor=others[3],
            paid_at=paid,
            fulfilled_at=fulfilled,
            canceled_at=canceled,
            tracking=self.tracking(),
        )
        self.check(new)
        self.parsed.mistakes.sort(key=lambda mistake: mistake.line)
        return self.parsed

    def check(self, new: NewOrder) -> None:
        """Keep the order unless something of it can't be. Of a cell one mistake is enough."""
        known = {(mistake.line, mistake.column) for mistake in self.parsed.mistakes}
        rows = [row for row in self.rows if has_line(row)]
        for fault in faults(new):
            line = rows[fault.line - 1].line if fault.line else self.first.line
            column = LINE_FIELDS[fault.field] if fault.line else fault.field
            if (line, column) not in known:
                known.add((line, column))
                self.wrong(column, fault.message, line)
        if not self.parsed.mistakes:
            self.parsed.new = new

    def wrong(self, column: str, message: str, line: int = 0) -> None:
        self.parsed.mistakes.append(Mistake(line or self.first.line, column, message))

    def check_repeated(self) -> None:
        """Further rows are lines; what they repeat of the order is the same or empty."""
        for row in self.rows[1:]:
            for name in ORDER_COLUMNS:
                value = row.values.get(name, "")
                if value and value != self.values[name]:
                    self.wrong(name, f"isn’t what line {self.first.line} says", row.line)
            if not has_line(row):
                self.wrong("", "repeats the order and has no line of it", row.line)

    def amount(self, row: Record, name: str) -> int | None:
        text = row.values.get(name, "")
        if not text or not CURRENCY.fullmatch(self.currency):
            return None
        try:
            return parse_money(text, self.currency)
        except BadAmount as error:
            self.wrong(name, str(error), row.line)
            return None

    def time(self, name: str) -> datetime | None:
        text = self.values.get(name, "")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.wrong(name, f"{text[:40]!r} is not a time such as 2026-03-01T12:00:00Z")
            return None
        if moment.tzinfo is None:
            self.wrong(name, f"{text[:40]!r} has no zone, such as Z or +01:00")
            return None
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            moment = datetime.min.replace(tzinfo=UTC)
        if not EARLIEST <= moment <= self.now + MOST_AHEAD:
            self.wrong(name, f"{text[:40]!r} can’t be when that was")
            return None
        return moment

    def check_course(
        self, paid: datetime | None, fulfilled: datetime | None, canceled: datetime | None
    ) -> None:
        """A course that the state machine allows, in time’s order."""
        if self.values.get("fulfilled_at") and not self.values.get("paid_at"):
            self.wrong("fulfilled_at", "an order that isn’t paid can’t be fulfilled: say paid_at")
        if self.values.get("fulfilled_at") and self.values.get("canceled_at"):
            self.wrong("canceled_at", "a fulfilled order can’t be canceled")
        for name, later in (("fulfilled_at", fulfilled), ("canceled_at", canceled)):
            if paid and later and later < paid:
                self.wrong(name, "is before paid_at")

    def line(self, row: Record) -> NewLine | None:
        if not has_line(row):
            return None
        sku, description, quantity = (
            row.values.get(name, "") for name in ("line_sku", "line_description", "line_quantity")
        )
        total = self.amount(row, "line_total")
        if not (sku or description):
            self.wrong("line_description", "says nothing, and there is no SKU", row.line)
        if not row.values.get("line_total"):
            self.wrong("line_total", "is empty", row.line)
        if not (quantity.isascii() and quantity.isdecimal() and len(quantity) < 10):
            self.wrong("line_quantity", f"{quantity[:40]!r} is not a whole number", row.line)
        elif total is not None:
            return NewLine(description or sku, int(quantity), total, sku)
        # One that holds the place, since there is a mistake.
        return NewLine(description, 1, 0, sku)

    def tracking(self) -> Tracking:
        found = {"carrier": "", "tracking_number": ""}
        for name in found:
            value = self.values.get(name, "")
            try:
                known = tracking(value, "") if name == "carrier" else tracking("", value)
            except BadTracking as error:
                self.wrong(name, str(error))
                continue
            found[name] = known.carrier or known.number
            if value and not self.values.get("fulfilled_at"):
                self.wrong(name, "the order isn’t fulfilled: say fulfilled_at")
        return Tracking(found["carrier"], found["tracking_number"])


def has_line(row: Record) -> bool:
    return any(row.values.get(name) for name in LINE_COLUMNS)
