"""The page of performance is what was measured, and says what wasn't, or missed its target."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.registry import Figure, Measured


def measured(*seconds: float, met: bool) -> dict[str, Any]:
    figure = Figure.of(seconds)
    one = Measured("s", figure, Figure(0.5, 0.5, 0.5, 1), "one pass", met, {"peak MB": 61.25})
    return one.as_json()


def test_the_page_has_each_figure_beside_its_limit_and_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = dict.fromkeys(
        ("measured_at", "processor", "cores", "memory_gb", "system", "python", "postgres"), "x"
    )
    checks = {"10k": measured(1, 2, 4, met=True), "1m": measured(8, 12, 13, met=False)}
    capabilities = {
        "run_checks": {"what": "All checks", "target": "≤ 10 s", "scales": checks},
        "inbox": {"what": "Events", "target": "≥ 9/s", "scales": {"once": {"error": "broke"}}},
    }
    file = tmp_path / "some.json"
    file.write_text(
        json.dumps({**about, "load_before": 0.1, "capabilities": capabilities}), "utf-8"
    )
    monkeypatch.setattr(sys, "argv", ["report", str(file)])
    report.main()
    lines = (tmp_path / "some.md").read_text("utf-8").splitlines()
    assert "| run_checks | 10 k | 2.00 s (1.00–4.00) | 0.50 | 4.00 |  | ≤ 10 s | met |" in lines
    assert (
        "| run_checks | 1 M | 12.0 s (8.00–13.0) | 0.50 | 24.0 | × 6.0 | ≤ 10 s | MISSED |" in lines
    )
    assert "| inbox | – | not measured | | | | ≥ 9/s | |" in lines
    assert "- **run_checks**: All checks. Limit: one pass. peak MB: 61.2." in lines
