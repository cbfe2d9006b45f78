"""Only licences that we can take get into a lock, and a package that says none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.licences import (
    DEVELOPMENT,
    PRODUCT,
    TAKEN,
    TAKEN_IN_DEVELOPMENT,
    Package,
    is_taken,
    refused,
)
from release.locked import Pin, pins


@pytest.mark.parametrize(
    ("licence", "taken"),
    [
        ("MIT", True),
        ("Apache-2.0 AND MIT", True),
        ("GPL-3.0-only OR BSD-2-Clause", True),
        ("MIT AND (GPL-3.0-only OR MPL-2.0)", True),
        ("MIT AND AGPL-3.0-only", False),
        ("GPL-3.0-or-later", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_an_expression_is_taken_if_each_of_its_parts_can_be_met(licence: str, taken: bool) -> None:
    assert is_taken(licence, TAKEN) is taken


def test_tools_may_be_under_more_than_what_is_shipped() -> None:
    assert is_taken("GPL-3.0-or-later", TAKEN_IN_DEVELOPMENT)
    pin = Pin("tool", "1.0", here=True)
    tool = Package(pin, "GPL-3.0-or-later", DEVELOPMENT)
    shipped = Package(pin, "GPL-3.0-or-later", PRODUCT)
    silent = Package(pin, "", DEVELOPMENT)
    assert refused([tool, shipped, silent]) == [
        "tool 1.0 (requirements.txt): GPL-3.0-or-later",
        "tool 1.0 (requirements-dev.txt): says no licence",
    ]


def test_a_lock_is_read_with_its_markers(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(
        "# Made\nTyping_Extensions==4.16.0 \\\n    --hash=sha256:00\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:01\n"
    )
    assert pins(lock) == [
        Pin("typing-extensions", "4.16.0", here=True),
        Pin("colorama", "0.4.6", here=False),
    ]
