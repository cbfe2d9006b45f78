"""``docs/exports.md``, made from the exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from analyticsapp.exports.contract import written
from analyticsapp.exports.export import Export
from analyticsapp.exports.registry import PACKS, exports_of

PATH = Path(settings.BASE_DIR) / "docs" / "exports.md"
HEAD = """# Exports

Made from the exports by `manage.py export_schema`; a gate compares. This is version {version} of
the schema: `analyticsapp/exports/schema.json` says the same to programs. A change of any column
makes a new version. What figures mean is in [their definitions](kpi_definitions.md), which have a
version of their own.

## Taking them

- **At `/exports/`**: choose days and a currency, then a file, or a pack of files as a zip.
- **`manage.py export NAME`**: a file, to the terminal or `--out FILE`. `manage.py export PACK
  --out FOLDER` writes a pack's files, with `--zip --out FILE` one zip. `--from 2026-01-01 --to
  2026-03-31`, `--days 90` or `--all` says which days, 30 where nothing does; `--currency eur`
  leaves the others out; `--list` shows what there is.
- **The list of orders** in the admin exports what it shows, with the same filter, search and
  order, in the columns of *orders* below. It takes the permission *Can export orders*.

Each pack has a permission of its own, such as *Can export the finance pack*. Columns that tell
who somebody is are left out unless they are asked for, by someone who has the permission *Can
have personal data in an export*; the list of orders has them always.

## What is in a file

UTF-8, comma, `"` around what needs it, one header row, lines ended by a line feed, in an order
that is always the same. Each file is whole, however long, and of one state of the database; a
pack's files are all of the same one.

- Days are days of `REPORTING_TIME_ZONE`, times UTC, as `2026-03-01T12:00:00Z`.
- Amounts stand twice: `…_minor` as integers of minor units, and with the currency's decimals.
  Both are plain numbers, negative ones with a minus. Amounts of different currencies can't be
  added: group by the currency first. Empty is unknown, which isn't 0.
- Text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a
  line break, at the beginning of the cell or behind a semicolon) gets an apostrophe before it.

## The manifest of a pack

`manifest.json` names each file with its `rows`, `bytes`, `sha256` and `sums`: what each `…_minor`
column adds up to, by currency, counted by a query of its own. Beside them: `schema_version`;
`definitions_version`, which changes when the meaning of any figure does; `from`, `to` and
`time_zone`; `taken_at`, when the state of the database was that; `figures_as_of` and
`figures_complete`: how far the daily figures had come by then.

## What the audit log keeps

`analytics.export_started` and `analytics.exported` (`order.…` for the list of orders): who, what,
days, currency, whether with personal data; rows, bytes and SHA-256 of what was sent; and whether
it was `complete`, `aborted` by whoever took it, or `failed`. One that only started was killed, or
is still under way.
"""


def document() -> str:
    """The document as it should be."""
    parts = [HEAD.format(version=written()["version"])]
    for pack in PACKS.values():
        parts.append(f"## {pack.title}: `{pack.name}`\n\n{pack.meaning}\n")
        parts += ["\n".join(table(export)) for export in exports_of(pack)]
    return "\n".join(parts)


def table(export: Export) -> Iterator[str]:
    """An export's part of it."""
    yield f"### {export.title}: `{export.name}`"
    yield ""
    yield export.meaning + ("" if export.dated else " As it is now, whatever the days.")
    yield ""
    yield "| column | type | meaning |"
    yield "| --- | --- | --- |"
    for column in export.columns:
        unit = f", {column.measured_in}" if column.measured_in else ""
        personal = " *Personal data.*" if column.personal else ""
        yield f"| `{column.name}` | {column.kind.value}{unit} | {column.meaning}{personal} |"
    yield ""
