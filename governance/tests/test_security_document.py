"""Every promise of docs/security.md names a test, and the test exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from django.conf import settings

BASE_DIR = Path(settings.BASE_DIR)
REFERENCE = re.compile(r"`([\w/]+\.py)::(\w+)`")


def promises() -> list[str]:
    """The rows of the tables, without their headings."""
    lines = (BASE_DIR / "docs" / "security.md").read_text().splitlines()
    return [
        line
        for line, before in zip(lines[1:], lines, strict=False)
        if line.startswith("| ") and before.startswith("|") and not line.startswith("| ---")
    ]


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((BASE_DIR / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_promise_names_a_test_that_exists() -> None:
    assert len(promises()) > 25
    for promise in promises():
        named = REFERENCE.findall(promise)
        assert named, f"no test keeps: {promise}"
        for path, name in named:
            assert name.startswith("test_")
            assert name in names_in(path), f"{path} has no {name}"


def test_a_promise_without_one_is_noticed() -> None:
    assert REFERENCE.findall("| Nothing happens | by itself |") == []
    assert "test_that_is_not_there" not in names_in("governance/tests/test_access.py")
