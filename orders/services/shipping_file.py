"""A file of what was sent: order number, carrier, tracking number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orders.csv_files import Columns, CsvFile, Unreadable
from orders.services.fulfilment import Fulfilled, Shipment, fulfil_many
from orders.services.tracking import BadTracking, tracking

MOST_BYTES = 1_000_000
MOST_ROWS = 10_000
COLUMNS = Columns(
    required=("order_number", "carrier", "tracking_number"),
    aliases={
        "order": "order_number",
        "number": "order_number",
        "order_no": "order_number",
        "tracking": "tracking_number",
        "tracking_no": "tracking_number",
    },
    others=True,
)


@dataclass(frozen=True)
class ShippingFile:
    """What a file says was sent, what of it can't be read, and the columns that were left alone."""

    shipments: Sequence[Shipment]
    bad: Sequence[Fulfilled]
    ignored: Sequence[str]

    def fulfil(self, *, reason: str, dry_run: bool = False) -> list[Fulfilled]:
        """``fulfil_many`` of all its rows, with those that can't be read, in the file's order."""
        done = fulfil_many(self.shipments, reason=reason, dry_run=dry_run)
        return sorted([*self.bad, *done], key=lambda result: result.shipment.line)


def read_shipments(lines: Iterable[bytes]) -> ShippingFile:
    """Read the file.

    Raises:
        Unreadable: not such a file, or more than ``MOST_ROWS`` rows.
    """
    file = CsvFile(lines, COLUMNS)
    shipments: list[Shipment] = []
    bad: list[Fulfilled] = []
    for record in file:
        if len(shipments) + len(bad) == MOST_ROWS:
            raise Unreadable(f"it has more than {MOST_ROWS:,} rows: send it in parts")
        number = record.values.get("order_number", "")
        try:
            if record.problem:
                raise BadTracking(record.problem)
            if not number:
                raise BadTracking("names no order")
            if not number.isprintable():
                raise BadTracking("the order's number has characters that aren't printed")
            sent = tracking(record.values["carrier"], record.values["tracking_number"])
        except BadTracking as error:
            shown = number if number.isprintable() else ""
            bad.append(Fulfilled(Shipment(shown, line=record.line), refusal=str(error)))
        else:
            shipments.append(Shipment(number, sent, record.line))
    return ShippingFile(shipments, bad, file.ignored)
