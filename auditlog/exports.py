"""Downloads as CSV: streamed from the server, from one state of the database, and audited.

Postgres writes the CSV itself (``COPY``), so an export of a million rows takes seconds and no
memory. Every app's exports may use this: the audit log stands to the left of all of them.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any, Protocol

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from auditlog.columns import Column, defused
from auditlog.context import acting_as, current_actor
from auditlog.services import record
from auditlog.snapshot import snapshot

BLOCK = 64 * 1024
Parameters = Sequence[Any] | Mapping[str, Any]


def copied(sql: str, parameters: Parameters) -> Iterator[bytes | memoryview]:
    """The rows of a query as CSV, as Postgres sends them: one message each
    (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY)."""
    statement = f"COPY ({sql}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')"
    with connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        yield from copy


class Body(Protocol):
    """What a download sends, in blocks; ``account`` says what that has been so far."""

    def __iter__(self) -> Iterator[bytes]: ...

    def account(self) -> dict[str, Any]: ...


class CsvFile:
    """A header row and rows as CSV, made while they are read and counted as they are."""

    def __init__(
        self, header: Iterable[str], rows: Callable[[], Iterator[bytes | memoryview]]
    ) -> None:
        self.header = ",".join(header).encode() + b"\n"
        self.made = rows
        self.rows = self.bytes = 0
        self.digest = hashlib.sha256()

    @classmethod
    def of_queryset(cls, queryset: QuerySet[Any], columns: Sequence[Column]) -> CsvFile:
        """The queryset's rows in its order."""
        selected = queryset.values_list(*(column.text for column in columns))

        def rows() -> Iterator[bytes | memoryview]:
            try:
                sql, parameters = selected.query.sql_with_params()
            except EmptyResultSet:
                return iter(())
            return copied(sql, parameters)

        return cls([column.name for column in columns], rows)

    @classmethod
    def of_rows(
        cls, header: Iterable[str], rows: Iterable[Sequence[str | int | Decimal]]
    ) -> CsvFile:
        """Rows that were computed here and are few: text, or numbers as numbers."""
        return cls(header, lambda: map(line, rows))

    def __iter__(self) -> Iterator[bytes]:
        block = bytearray(self.header)
        for row in self.made():
            self.rows += 1
            block += row
            if len(block) >= BLOCK:
                yield self.counted(block)
                block.clear()
        if block:
            yield self.counted(block)

    def counted(self, block: bytearray) -> bytes:
        sent = bytes(block)
        self.bytes += len(sent)
        self.digest.update(sent)
        return sent

    def account(self) -> dict[str, Any]:
        """Rows, bytes and SHA-256 of what has been read of it."""
        return {"rows": self.rows, "bytes": self.bytes, "sha256": self.digest.hexdigest()}


def line(row: Sequence[str | int | Decimal]) -> bytes:
    """A row as CSV."""
    text = StringIO()
    # Only what may end a line is quoted, and a lone carriage return must be.
    csv.writer(text, lineterminator="\r\n").writerow(
        [defused(cell) if isinstance(cell, str) else cell for cell in row]
    )
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"


class Download(Iterator[bytes]):
    """A body as it is sent, read from one state of the database.

    However it ends, a row in the audit log says how: who took what (``about``), and the body's
    account of what was sent. Another one says that it began, so that even a process that is killed
    leaves a trace: ``order`` is ``order.export_started`` and ``order.exported``.

    The first block is read at once, so that what can't be read fails before anything is sent.
    """

    def __init__(self, of: str, body: Body, about: Mapping[str, Any]) -> None:
        self.of = of
        self.body = body
        self.about = about
        self.actor = current_actor()  # the blocks are sent when the request's actor is gone
        with transaction.atomic():
            record(f"{of}.export_started", after=about)
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
            with snapshot():
                yield from self.body
            outcome = "complete"
        except (GeneratorExit, KeyboardInterrupt):
            outcome = "aborted"
            raise
        finally:
            with acting_as(self.actor), transaction.atomic():
                record(
                    f"{self.of}.exported",
                    after={**self.about, "outcome": outcome, **self.body.account()},
                )


def download_response(
    name: str,
    download: Download,
    *,
    suffix: str = "csv",
    content_type: str = "text/csv; charset=utf-8",
) -> StreamingHttpResponse:
    """The download as a file ``<name>-<time>.<suffix>``."""
    response = StreamingHttpResponse(download, content_type=content_type)
    file = f"{name}-{timezone.now():%Y%m%dT%H%M%SZ}.{suffix}"
    response["Content-Disposition"] = f'attachment; filename="{file}"'
    response["Cache-Control"] = "no-store"
    return response
