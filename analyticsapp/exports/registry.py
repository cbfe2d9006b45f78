"""The exports that there are. An app to the right offers its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from analyticsapp.exports.export import Export, Pack

FINANCE = Pack(
    "finance",
    "Finance",
    "What was sold, given back, disputed, settled and paid out, and what recurs.",
    "analyticsapp.export_finance",
)
OPERATIONS = Pack(
    "ops",
    "Operations",
    "What somebody has to do, as it is now.",
    "analyticsapp.export_operations",
)
BI = Pack(
    "bi",
    "Business intelligence",
    "Facts and dimensions as a star, for a tool of your own. A fact may name one that lies outside "
    "the days; dimensions are always whole.",
    "analyticsapp.export_bi",
)
PACKS = {pack.name: pack for pack in (FINANCE, OPERATIONS, BI)}
PERSONAL = "analyticsapp.export_personal_data"
_offers: list[Callable[[], Iterable[Export]]] = []


def offer(exports: Callable[[], Iterable[Export]]) -> None:
    """Have these exports too. They are made at their first use, when every app has told what its
    rows can be."""
    _offers.append(exports)


@cache
def all_exports() -> dict[str, Export]:
    """Every export by its name, pack by pack."""
    found = [export for exports in _offers for export in exports()]
    by_name = {export.name: export for pack in PACKS.values() for export in of(pack, found)}
    assert len(by_name) == len(found), "two exports of one name, or one of no pack"
    assert not by_name.keys() & PACKS.keys(), "an export and a pack of one name"
    return by_name


def of(pack: Pack, exports: Iterable[Export]) -> list[Export]:
    """Those of the exports that belong to the pack."""
    return [export for export in exports if export.pack == pack]


def exports_of(pack: Pack) -> list[Export]:
    """The exports of a pack, in its order."""
    return of(pack, all_exports().values())
