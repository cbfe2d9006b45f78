"""``python -m bench.report [FILE]``: docs/performance.md from docs/performance.json, or the page
beside another file of ``bench/run.py``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.table import ORDER, growth, number, verdict

DOCS = Path(__file__).resolve().parent.parent / "docs"
NAMES = {"10k": "10 k", "100k": "100 k", "1m": "1 M", "once": "–"}


def document(report: dict[str, Any]) -> Iterator[str]:
    """The lines of the page."""
    sizes = ", ".join(f"{NAMES[one]} {gb} GB" for one, gb in report.get("sizes_gb", {}).items())
    yield "# Performance"
    yield ""
    yield (
        f"Measured on {report['measured_at']} on {report['processor']} with {report['cores']} "
        f"cores and {report['memory_gb']} GB, {report['system']}, Python {report['python']}, "
        f"PostgreSQL {report['postgres']}; a load of {report['load_before']} went on before. "
        f"Databases: {sizes}. Server, database and whoever asks share the machine."
    )
    yield ""
    yield (
        "Made by `python -m bench.report` from `docs/performance.json`, which `make bench "
        'ARGS="--out docs/performance.json"` writes. Each figure is the median of several runs, '
        "with the least and the most of them. The limit is what the least that any program must do "
        "took in the same run; the ratio is ours to it. Growth is how the figure changed from the "
        "smallest scale to the largest one; *met* and *MISSED* are said of each scale by itself."
    )
    yield ""
    yield "| Capability | Orders | Ours | Limit | Ratio | Growth | Target | |"
    yield "| --- | --: | --: | --: | --: | --: | --- | --- |"
    for name, one in report["capabilities"].items():
        yield from rows(name, one)
    yield ""
    yield "## What the limits are, and more figures"
    yield ""
    for name, one in report["capabilities"].items():
        there = [scale for scale in ORDER if "ours" in one["scales"].get(scale, {})]
        if there:
            found = one["scales"][there[-1]]
            limit = f" Limit: {found['limit_is']}." if found["limit_is"] else ""
            more = "; ".join(f"{key}: {told(value)}" for key, value in found["detail"].items())
            yield f"- **{name}**: {one['what']}.{limit}{f' {more}.' if more else ''}"


def rows(name: str, one: dict[str, Any]) -> Iterator[str]:
    there = [scale for scale in ORDER if scale in one["scales"]]
    for scale in there:
        found = one["scales"][scale]
        if "error" in found:
            yield f"| {name} | {NAMES[scale]} | not measured | | | | {one['target']} | |"
            continue
        ours, limit = found["ours"], found["limit"] or {}
        grown = growth(one["scales"]) if scale == there[-1] else None
        yield (
            f"| {name} | {NAMES[scale]} | {number(ours['median'])} {found['unit']} "
            f"({number(ours['least'])}–{number(ours['most'])}) | {number(limit.get('median'))} "
            f"| {number(found['ratio'])} | {f'× {grown:.1f}' if grown else ''} | {one['target']} "
            f"| {verdict(found)} |"
        )


def told(value: Any) -> str:
    """A further figure, in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {told(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return number(value) if isinstance(value, float) else str(value)


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "performance.json"
    report = json.loads(source.read_text(encoding="utf-8"))
    page = source.with_suffix(".md")
    page.write_text("\n".join(document(report)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
