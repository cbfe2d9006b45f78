"""CSV files as people's programs write them, and what is wrong with them by line."""

from __future__ import annotations

import pytest

from orders.csv_files import Columns, CsvFile, Unreadable

COLUMNS = Columns(required=("number", "carrier"), optional=("note",), aliases={"order": "number"})


def read(content: bytes, columns: Columns = COLUMNS) -> list[tuple[int, dict[str, str], str]]:
    file = CsvFile(content.splitlines(keepends=True), columns)
    return [(record.line, dict(record.values), record.problem) for record in file]


ONE = [(2, {"number": "A-1", "carrier": "UPS"}, "")]


@pytest.mark.parametrize(
    "content",
    [
        b"number,carrier\nA-1,UPS\n",
        b"number;carrier\r\nA-1;UPS\r\n",
        b"\xef\xbb\xbfnumber,carrier\nA-1,UPS",
        b" Order ,CARRIER\n A-1 , UPS \n",
        b'"number","carrier"\n"A-1","UPS"\n',
        b"number,carrier\rA-1,UPS\r",
    ],
)
def test_the_usual_forms_are_one(content):
    assert read(content) == ONE


def test_a_record_is_named_by_the_line_on_which_it_begins():
    content = b'number,carrier\n\nA-1,"U\nPS"\n,\nA-2,DHL\n'
    assert [(line, values["number"]) for line, values, _ in read(content)] == [
        (3, "A-1"),
        (6, "A-2"),
    ]


def test_a_row_of_another_length_has_a_problem_and_the_next_is_read():
    assert read(b"number,carrier\nA-1\nA-2,UPS,x\nA-3,DHL\n") == [
        (2, {}, "has 1 cell, the header 2"),
        (3, {}, "has 3 cells, the header 2"),
        (4, {"number": "A-3", "carrier": "DHL"}, ""),
    ]


@pytest.mark.parametrize("rest", [b'A-1,"UPS', b'A-1,"UPS"x\nA-2,DHL\n'])
def test_behind_a_broken_quotation_nothing_is_read(rest):
    rows = read(b"number,carrier\nA-0,DHL\n" + rest)
    assert [(line, bool(problem)) for line, _, problem in rows] == [(2, False), (3, True)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the first line isn't a header"),
        (b"\n\n", "the first line isn't a header"),
        (b"number\n", "line 1: there is no column carrier"),
        (b"number,carrier,order\n", "line 1: the column number is there twice"),
        (b"number,carrier,weight\n", "nobody knows a column 'weight'"),
        (b"number,carrier\nA-1,\xff\n", "line 2 isn't UTF-8"),
        (b"number,carrier\nA-1,\xed\xa0\x80\n", "line 2 isn't UTF-8"),
        (b"number,carrier\nA-1,\0\n", "line 2 holds a NUL"),
        ("number,carrier\n".encode("utf-16"), "line 1 isn't UTF-8"),
    ],
)
def test_what_cant_be_read_is_said_by_line(content, told):
    with pytest.raises(Unreadable, match=told):
        read(content)


def test_other_columns_can_be_left_alone():
    columns = Columns(required=("number",), others=True)
    file = CsvFile([b"weight,number\n", b"3,A-1\n"], columns)
    assert file.ignored == ["weight"]
    assert [record.values["number"] for record in file] == ["A-1"]
