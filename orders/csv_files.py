"""CSV files as people's programs write them: UTF-8 with or without a byte order mark, commas or
semicolons, a header row. Read line by line, so that a file may be larger than memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


class Unreadable(ValueError):
    """Not a file that can be read at all; the message says why, and where."""


@dataclass(frozen=True)
class Columns:
    """Which columns a file must and may have, by our names, and what else they are called."""

    required: Sequence[str]
    optional: Sequence[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    # Whether other columns are left alone; else they are an error, lest a misspelt one be lost.
    others: bool = False


@dataclass(frozen=True)
class Record:
    """A row by column, spaces at the ends dropped; ``line`` is where it begins. With a ``problem``
    it has no values."""

    line: int
    values: Mapping[str, str]
    problem: str = ""


class CsvFile:
    """The rows of a file, once. ``ignored`` are the columns that nobody asked for.

    Raises:
        Unreadable: when made, if it has no header, or not the columns; later, where it isn't text.
    """

    def __init__(self, lines: Iterable[bytes], columns: Columns) -> None:
        text = decoded(lines)
        header = next(text, "")
        if not header.strip():
            raise Unreadable("the first line isn't a header: it is empty")
        self.delimiter = ";" if header.count(";") > header.count(",") else ","
        self.columns: list[str] = []
        self.ignored: list[str] = []
        for title in next(csv.reader([header], delimiter=self.delimiter)):
            name = re.sub(r"[^a-z0-9]+", "_", title.strip().lower()).strip("_")
            name = columns.aliases.get(name, name)
            self.columns.append(name)
            if name not in (*columns.required, *columns.optional):
                self.ignored.append(title.strip()[:60])
        self._check(columns)
        self._reader = csv.reader(text, delimiter=self.delimiter, strict=True)

    def _check(self, columns: Columns) -> None:
        known = [name for name in self.columns if name in (*columns.required, *columns.optional)]
        problems = [f"there is no column {name}" for name in columns.required if name not in known]
        problems += [f"the column {n} is there twice" for n in sorted(twice(known))]
        if self.ignored and not columns.others:
            problems += [f"nobody knows a column {title!r}" for title in self.ignored]
        if problems:
            names = ", ".join((*columns.required, *columns.optional))
            raise Unreadable(f"line 1: {'; '.join(problems)}. The columns are: {names}")

    def __iter__(self) -> Iterator[Record]:
        """The rows but for empty ones. Behind a broken quotation nothing is read."""
        while True:
            line = self._reader.line_num + 2
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(line, {}, f"can't be read from here on: {error}")
                return
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if len(cells) != len(self.columns):
                many = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
                yield Record(line, {}, f"has {many}, the header {len(self.columns)}")
            else:
                yield Record(line, dict(zip(self.columns, cells, strict=True)))


def twice(names: Sequence[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise Unreadable(f"line {number} isn't UTF-8; save the file as “CSV UTF-8”") from None
        if "\0" in text:
            raise Unreadable(f"line {number} holds a NUL: this isn't a text file")
        yield text
