"""No cell of a file is a formula, whatever somebody wrote into a name."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection, models
from django.db.models import F, Value
from hypothesis import example, given
from hypothesis import strategies as st

from auditlog.columns import Column, Kind, Written, defused, written
from auditlog.exports import CsvFile, copied
from auditlog.models import AuditEvent

pytestmark = pytest.mark.django_db
BLANKS = " \t\r\n\f\v\u00a0\ufeff"
STARTS = "-=+@－＝＋＠"
# jsonb and text alike refuse NUL and lone surrogates.
TEXT = st.text(
    st.one_of(
        st.sampled_from(f"{BLANKS}{STARTS};,\"'a1"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=12,
)


def runs(cell: str) -> bool:
    """Whether a spreadsheet takes the cell for a formula, or might."""
    return cell[:1] in {*"\t\r\n"} or cell.lstrip(BLANKS)[:1] in {*STARTS}


def from_postgres(expression: str, text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression} FROM (SELECT %s::text AS it) AS rows", [text])
        return cursor.fetchone()[0]


@given(TEXT)
@example("=1+1")
@example(" \t=1+1")
@example("\ufeff@SUM(A1)")
@example("a;=1+1")
@example("a; -1;\t+2")
@example(";")
@example("＝1")
def test_no_text_runs_however_it_is_separated(text: str) -> None:
    for safe in (defused(text), from_postgres(written(Kind.TEXT, "rows.it"), text)):
        assert not runs(safe)
        assert not any(runs(part) for part in safe.split(";"))
        # Nothing is lost: apostrophes alone were added.
        kept = iter(safe)
        assert all(letter in kept for letter in text)
        assert len(safe) - len(text) == safe.count("'") - text.count("'")


@given(TEXT)
@example("a;b")
@example("O’Neill; Sons")
@example("x=1; y-2")
def test_postgres_and_python_agree_and_spare_what_is_no_formula(text: str) -> None:
    in_python = defused(text)
    assert from_postgres(written(Kind.TEXT, "rows.it"), text) == in_python
    with connection.cursor() as cursor:
        expression = Written(Kind.TEXT, Value(text, output_field=models.TextField()))
        sql, parameters = AuditEvent.objects.values_list(expression).query.sql_with_params()
        cursor.execute(sql.split(" FROM ")[0], parameters[:1])
        assert cursor.fetchone()[0] == in_python
    if not any(runs(part) for part in text.split(";")):
        assert in_python == text


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_a_row_is_read_back_as_it_was_defused(texts: list[str]) -> None:
    names = ", ".join(f"%(t{n})s::text" for n in range(len(texts)))
    parameters = {f"t{n}": defused(text) for n, text in enumerate(texts)}
    by_copy = b"".join(bytes(row) for row in copied(f"SELECT {names}", parameters))
    by_hand = b"".join(CsvFile.of_rows(["x"], [texts])).partition(b"\n")[2]
    for content in (by_copy, by_hand):
        (row,) = csv.reader(io.StringIO(content.decode(), newline=""))
        assert row == [defused(text) for text in texts]


@pytest.mark.parametrize("amount", [-1234, 0, 1234, -(2**62)])
def test_a_negative_number_stays_a_number(amount: int) -> None:
    assert from_postgres(written(Kind.MINOR, "rows.it::bigint"), str(amount)) == amount
    (row,) = csv.reader(io.StringIO(b"".join(CsvFile.of_rows([], [[amount]])).decode()[1:]))
    assert row == [str(amount)]


def test_a_queryset_is_written_as_its_columns_say() -> None:
    AuditEvent.objects.create(at="2026-03-01T12:00:00Z", action="-a", actor_name="@b", reason="ok")
    columns = [
        Column("id", Kind.INTEGER, "", F("id")),
        Column("action", Kind.TEXT, "", F("action")),
        Column("who", Kind.TEXT, "", F("actor_name")),
        Column("why", Kind.TEXT, "", F("reason")),
        Column("at", Kind.TIME, "", F("at")),
    ]
    content = b"".join(CsvFile.of_queryset(AuditEvent.objects.all(), columns)).decode()
    (row,) = csv.DictReader(io.StringIO(content))
    assert (row["action"], row["who"], row["why"]) == ("'-a", "'@b", "ok")
    assert row["at"] == "2026-03-01T12:00:00Z"
