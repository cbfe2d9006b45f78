"""Downloads as CSV: streamed from the server, safe to open in a spreadsheet, and audited.

Postgres writes the CSV itself (``COPY``), so an export of a million rows takes seconds and no
memory. Every app's exports may use this: the audit log stands to the left of all of them.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import F, Func, QuerySet, TextField
from django.db.models.expressions import Combinable
from django.http import StreamingHttpResponse
from django.utils import timezone

from auditlog.context import acting_as, current_actor
from auditlog.services import record

BLOCK = 64 * 1024
FORMULA = re.compile(r"^[-=+@\t\r\n]")


class SafeText(Func):
    """Text that no spreadsheet takes for a formula: one that begins like a formula gets an
    apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection).

    For text alone: a number is written as it is, negative or not.
    """

    template = r"regexp_replace(%(expressions)s, '^[-=+@\t\r\n]', '''\&')"
    output_field = TextField()


class UtcText(Func):
    """A time as ``2026-03-01T12:00:00Z``."""

    template = (
        "to_char(%(expressions)s AT TIME ZONE 'UTC', "
        """'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    )
    output_field = TextField()


@dataclass(frozen=True)
class Column:
    """A column of an export: its name in the header row, its value, and what it means."""

    name: str
    value: F | Combinable
    meaning: str


class Download(Iterator[bytes]):
    """The CSV of a queryset in blocks. However it ends, a row in the audit log says how: who took
    what (``about``), how many rows and bytes, and their SHA-256.

    The first block is read at once, so that what can't be read fails before anything is sent.
    """

    def __init__(
        self,
        action: str,
        queryset: QuerySet[Any],
        columns: Sequence[Column],
        about: Mapping[str, Any],
    ) -> None:
        self.queryset = queryset.values_list(*(column.value for column in columns))
        self.begin(action, [column.name for column in columns], about)

    def begin(self, action: str, header: Sequence[str], about: Mapping[str, Any]) -> None:
        self.action = action
        self.about = about
        self.actor = current_actor()  # the blocks are sent when the request's actor is gone
        self.rows = self.bytes = 0
        self.digest = hashlib.sha256()
        self.header = ",".join(header).encode() + b"\n"
        self.blocks = self.generate()
        self.first: bytes | None = next(self.blocks)

    def __next__(self) -> bytes:
        if self.first is not None:
            first, self.first = self.first, None
            return first
        return next(self.blocks)

    def close(self) -> None:
        """Called when the response is over; does nothing where all was sent."""
        self.blocks.close()

    def generate(self) -> Generator[bytes, None, None]:
        outcome = "failed"
        try:
            # A savepoint, or a transaction of its own: an interrupted COPY spoils it.
            with transaction.atomic():
                yield from self.copied()
            outcome = "complete"
        except GeneratorExit:
            outcome = "aborted"
            raise
        finally:
            self.leave_trace(outcome)

    def copied(self) -> Iterator[bytes]:
        block = bytearray(self.header)
        for row in self.copied_rows():
            self.rows += 1
            block += row
            if len(block) >= BLOCK:
                yield self.counted(block)
                block.clear()
        if block:
            yield self.counted(block)

    def copied_rows(self) -> Iterator[bytes | memoryview]:
        """The rows as Postgres sends them: one message each
        (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY)."""
        try:
            sql, parameters = self.queryset.query.sql_with_params()
        except EmptyResultSet:
            return
        statement = f"COPY ({sql}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"
        with connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
            yield from copy

    def counted(self, block: bytearray) -> bytes:
        sent = bytes(block)
        self.bytes += len(sent)
        self.digest.update(sent)
        return sent

    def leave_trace(self, outcome: str) -> None:
        with acting_as(self.actor), transaction.atomic():
            record(
                self.action,
                after={
                    **self.about,
                    "outcome": outcome,
                    "rows": self.rows,
                    "bytes": self.bytes,
                    "sha256": self.digest.hexdigest(),
                },
            )


class RowsDownload(Download):
    """The same of rows that were computed here and are few: text, or numbers as numbers."""

    def __init__(
        self,
        action: str,
        header: Sequence[str],
        rows: Iterable[Sequence[str | int | Decimal]],
        about: Mapping[str, Any],
    ) -> None:
        self.computed = rows
        self.begin(action, header, about)

    def copied_rows(self) -> Iterator[bytes | memoryview]:
        for row in self.computed:
            line = StringIO()
            csv.writer(line, lineterminator="\n").writerow(
                [FORMULA.sub(r"'\g<0>", cell) if isinstance(cell, str) else cell for cell in row]
            )
            yield line.getvalue().encode()


def download_response(name: str, download: Download) -> StreamingHttpResponse:
    """The download as a file ``<name>-<time>.csv``."""
    response = StreamingHttpResponse(download, content_type="text/csv; charset=utf-8")
    file = f"{name}-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    response["Content-Disposition"] = f'attachment; filename="{file}"'
    response["Cache-Control"] = "no-store"
    return response
