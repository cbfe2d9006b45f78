"""The schema contract: what every file is promised to have, and that a change is a new version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from analyticsapp.exports import PACKS, Export, Scope, all_exports
from analyticsapp.exports import contract as contracts
from analyticsapp.exports.columns import text
from analyticsapp.exports.document import PATH, document
from analyticsapp.exports.ledgers import REVENUE
from analyticsapp.kpis import KPIS
from analyticsapp.tests.files import header
from auditlog.columns import Kind

pytestmark = pytest.mark.django_db
NAMES = list(all_exports())
# The digests of the versions that were given out. One that changes breaks somebody's import: add
# to these, and never change one.
GIVEN_OUT = {
    "1": "ba00cf6adefe9a7d60edaddbf3934e5e1fbcb35ed2c55c3fcea7462686991aee",
}


def promised(name: str) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = contracts.written()["exports"][name]["columns"]
    return columns


@pytest.mark.parametrize("name", NAMES)
def test_the_header_is_what_the_contract_promises(name: str) -> None:
    everything = Scope(personal=True)
    assert header(name, everything) == [column["name"] for column in promised(name)]
    assert header(name) == [column["name"] for column in promised(name) if not column["personal"]]


def test_the_contract_and_the_document_are_what_the_exports_say() -> None:
    assert contracts.PATH.read_text(encoding="utf-8") == contracts.text()
    assert PATH.read_text(encoding="utf-8") == document()


def test_no_version_that_was_given_out_has_changed() -> None:
    versions = contracts.written()["versions"]
    assert GIVEN_OUT.items() <= versions.items()
    assert sorted(map(int, versions)) == list(range(1, contracts.schema_version() + 1))


CHANGES: dict[str, Any] = {
    "renamed": {"name": "other"},
    "of another kind": {"kind": Kind.TIME},
    "of another meaning": {"meaning": "Something else."},
    "of another currency": {"currency": "settlement_currency", "kind": Kind.MINOR},
    "personal": {"personal": True},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_column_is_a_new_version(change: dict[str, Any]) -> None:
    before = contracts.contract([REVENUE], {})
    first, *others = REVENUE.columns
    changed = replace(REVENUE, columns=(replace(first, **change), *others))
    after = contracts.contract([changed], before["versions"])
    assert (before["version"], after["version"]) == (1, 2)
    assert after["versions"]["1"] == before["versions"]["1"]


@pytest.mark.parametrize(
    "columns",
    [REVENUE.columns[1:], (*REVENUE.columns, text("more", "")), REVENUE.columns[::-1]],
    ids=["one less", "one more", "another order"],
)
def test_so_are_columns_that_come_go_or_move(columns: Any) -> None:
    before = contracts.contract([REVENUE], {})
    after = contracts.contract([replace(REVENUE, columns=columns)], before["versions"])
    assert after["version"] == 2


def test_what_stays_the_same_stays_the_version() -> None:
    before = contracts.contract([REVENUE], {})
    assert contracts.contract([REVENUE], before["versions"]) == before
    json.dumps(before)


def test_an_export_shows_only_figures_of_the_registry() -> None:
    shown = {(c.kpi, c.name) for one in all_exports().values() for c in one.columns if c.kpi}
    assert {key for key, _ in shown} <= KPIS.keys()
    # And what is called like a figure is that figure.
    for column in REVENUE.columns:
        named = column.name.removesuffix("_minor")
        assert (column.kpi == named) == (named in KPIS), column.name


@pytest.mark.parametrize("export", all_exports().values(), ids=NAMES)
def test_every_amount_stands_twice_beside_its_currency(export: Export) -> None:
    names = [column.name for column in export.columns]
    minor = {c.name.removesuffix("_minor"): c for c in export.columns if c.kind is Kind.MINOR}
    decimal = {c.name: c for c in export.columns if c.kind is Kind.DECIMAL}
    assert minor.keys() == decimal.keys()
    for name, column in minor.items():
        assert column.currency == decimal[name].currency in names
    assert len(names) == len(set(names))


def test_the_packs_are_whole() -> None:
    by_pack = {
        name: [one.name for one in all_exports().values() if one.pack.name == name]
        for name in PACKS
    }
    assert by_pack["ops"] == ["unfulfilled", "issues"]
    assert by_pack["bi"] == [
        *("fact_orders", "fact_order_lines", "fact_payments", "fact_refunds"),
        *("dim_date", "dim_customer", "dim_product"),
    ]
    assert {"orders", "refunds", "disputes", "fees", "payouts", "revenue"} <= {*by_pack["finance"]}
    assert {"subscriptions", "mrr_movements", "settlement", "bridge"} <= {*by_pack["finance"]}
