"""Each field says whether it may hold personal data, and the document repeats it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from auditlog import personal
from auditlog.personal import Erasure, Kind, Personal, declare, faults
from config.tests.rows import our_models
from governance.inventory import document, our_tables, path, undeclared
from governance.tests.test_security_document import REFERENCE, names_in
from orders.models import Order


def test_every_field_that_could_be_personal_is_declared() -> None:
    assert set(our_tables()) == set(our_models())
    assert undeclared() == []


def test_a_field_that_nobody_declared_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    note, where = models.TextField(), models.GenericIPAddressField()
    note.set_attributes_from_name("gift_note")
    where.set_attributes_from_name("sent_from")
    columns = (*Order._meta.concrete_fields, note, where)
    assert faults(Order) == []
    monkeypatch.setitem(Order._meta.__dict__, "concrete_fields", columns)
    assert faults(Order) == [
        "orders.Order.gift_note isn't declared",
        "orders.Order.sent_from isn't declared",
    ]


def test_a_declaration_of_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    note = Personal(Kind.FREE_TEXT, "for the test", erasure=Erasure.KEPT)
    monkeypatch.setattr(personal, "_declarations", {})
    declare("orders.Order", number=note, harmless="number email carrier tracking_number gone")
    assert faults(Order) == [
        "orders.Order has no field gone",
        "orders.Order.number is declared twice",
    ]
    with pytest.raises(ValueError, match="is declared already"):
        declare("orders.Order")
    with pytest.raises(ValueError, match="which rows"):
        declare("orders.Product", name=Personal(Kind.NAME, "a lamp's", erasure=Erasure.BLANK))


def test_the_document_is_what_the_code_declares(capsys: pytest.CaptureFixture[str]) -> None:
    text = path().read_text(encoding="utf-8")
    call_command("pii_inventory", check=True)
    assert document(text.replace("| `receipt_email` |", "| `recipe` |")) == text
    with pytest.raises(ValueError, match="no place for the inventory"):
        document("# Personal data")


def test_the_gate_tells_a_document_that_is_not_up_to_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    declared = personal.declaration("payments.Customer")
    assert declared is not None
    more = {
        **personal._declarations,
        "payments.Customer": personal.Declaration(
            declared.label, "for a day", declared.rows, declared.fields, declared.harmless
        ),
    }
    monkeypatch.setattr(personal, "_declarations", more)
    with pytest.raises(CommandError, match=r"run manage\.py pii_inventory"):
        call_command("pii_inventory", check=True)


def test_every_promise_of_the_document_names_a_test_that_exists() -> None:
    text = path().read_text(encoding="utf-8")
    table = text.partition("| Promise | Test |\n| --- | --- |\n")[2].partition("\n\n")[0]
    promises = table.splitlines()
    assert len(promises) > 10
    for promise in promises:
        named = REFERENCE.findall(promise)
        assert named, f"no test keeps: {promise}"
        for file, name in named:
            assert name in names_in(file), f"{file} has no {name}"
