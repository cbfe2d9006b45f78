"""What was measured, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ORDER = ("10k", "100k", "1m", "once")


def number(value: float | None) -> str:
    """Three digits, as many as these figures are good for."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"


def growth(scales: dict[str, Any]) -> float | None:
    """How the largest scale's figure relates to the smallest one's; None where there is one."""
    there = [scales[one]["ours"]["median"] for one in ORDER if "ours" in scales.get(one, {})]
    return there[-1] / there[0] if len(there) > 1 and there[0] else None


def verdict(found: dict[str, Any]) -> str:
    return {True: "met", False: "MISSED", None: ""}[found.get("met")]


def lines(report: dict[str, Any]) -> Iterator[str]:
    """A line for each capability and scale: our median with its spread, the limit, the ratio."""
    yield (
        f"{'capability':<34}{'scale':>6}{'ours':>10} {'spread':<17}{'unit':<9}{'limit':>9}"
        f"{'ratio':>7}{'growth':>8}  target"
    )
    for name, one in report["capabilities"].items():
        last = [scale for scale in ORDER if scale in one["scales"]][-1:]
        for scale in ORDER:
            found = one["scales"].get(scale)
            if not found:
                continue
            if "error" in found:
                yield f"{name:<34}{scale:>6}  could not be measured: {found['error']}"
                continue
            ours, limit = found["ours"], found["limit"] or {}
            spread = f"({number(ours['least'])}–{number(ours['most'])})"
            grown = growth(one["scales"]) if [scale] == last else None
            yield (
                f"{name:<34}{scale:>6}{number(ours['median']):>10} {spread:<17}"
                f"{found['unit']:<9}{number(limit.get('median')):>9}"
                f"{number(found['ratio']):>7}"
                f"{f'× {grown:.1f}' if grown else '':>8}  {verdict(found)}"
            )
