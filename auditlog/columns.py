"""The columns of files: what they are called, what they hold, and how Postgres writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from django.db.models import Func, TextField
from django.db.models.expressions import Combinable

# What a spreadsheet would run begins a cell with one of these, their wide forms included, be there
# blanks before it or not (https://owasp.org/www-community/attacks/CSV_Injection). Where the list
# separator is a semicolon, what follows one within our cell begins a cell as well.
BLANKS = "[ \\t\\r\\n\\f\\v\u00a0\ufeff]*"
BEGINS_FORMULA = f"(^|;)(?={BLANKS}[-=+@\uff0d\uff1d\uff0b\uff20]|[\\t\\r\\n])"
FORMULA = re.compile(BEGINS_FORMULA)


class Kind(Enum):
    """What a column holds; the values are the types that the schema contract names."""

    TEXT = "text"
    TIME = "time"  # 2026-03-01T12:00:00Z
    DATE = "date"  # 2026-03-01
    INTEGER = "integer"
    MINOR = "minor"  # an integer of minor units
    DECIMAL = "decimal"  # the same amount with the currency's decimals
    FLAG = "flag"  # yes or no


# SQL of a value's text; numbers stay as they are.
WRITTEN = {
    Kind.TEXT: f"regexp_replace({{}}, '{BEGINS_FORMULA}', '\\1''', 'g')",
    Kind.TIME: "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
    Kind.DATE: "to_char({}, 'YYYY-MM-DD')",
    Kind.FLAG: "CASE {} WHEN true THEN 'yes' WHEN false THEN 'no' END",
}


def written(kind: Kind, value: str) -> str:
    """SQL for how a file has the SQL ``value``, which is named more than once."""
    sql = WRITTEN.get(kind, "{}").format(value)
    if kind is not Kind.TEXT:
        return sql
    # Most text needs no closer look, which costs three times as much.
    suspect = f"{value} ~ '^[^A-Za-z0-9]' OR strpos({value}, ';') > 0"
    return f"CASE WHEN {suspect} THEN {sql} ELSE {value} END"


def defused(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe stands before what looks like
    the beginning of one. For text alone: a number is written as it is, negative or not."""
    return FORMULA.sub(r"\1'", text)


class Written(Func):
    """The same of an expression of Django's."""

    output_field = TextField()

    def __init__(self, kind: Kind, value: Combinable) -> None:
        super().__init__(value, template=WRITTEN[kind].format("%(expressions)s"))


@dataclass(frozen=True)
class Column:
    """A column: its name in the header row, what it holds, and what that means.

    ``value`` is where a queryset has it; a query's own SQL has it under its name. Amounts are of
    the currency that the column ``currency`` names. ``personal`` marks what tells who somebody is,
    ``kpi`` the figure that it is, by its key.
    """

    name: str
    kind: Kind
    meaning: str
    value: Combinable | None = None
    currency: str = "currency"
    unit: str = ""
    personal: bool = False
    kpi: str = ""

    @property
    def measured_in(self) -> str:
        """Its unit, as the schema contract has it; empty where it has none."""
        match self.kind:
            case Kind.MINOR:
                return f"minor units of {self.currency}"
            case Kind.DECIMAL:
                return self.currency
            case Kind.TIME:
                return "UTC"
            case Kind.DATE:
                return self.unit or "day of the reporting time zone"
        return self.unit

    @property
    def text(self) -> Combinable:
        """The expression of a queryset's column as its file has it."""
        assert self.value is not None, self.name
        return self.value if self.kind not in WRITTEN else Written(self.kind, self.value)
