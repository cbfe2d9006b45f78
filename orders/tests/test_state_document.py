"""The document of the state machine says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from monitoring import registry
from orders import state_document
from orders.states import ALLOWED, RULES, OrderStatus

NAMED = re.compile("`([a-z_]+)`")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The document's place, for a test to write to."""
    file = tmp_path / "order_state_machine.md"
    monkeypatch.setattr("orders.management.commands.order_state_machine.path", lambda: file)
    return file


def test_the_kept_document_is_what_the_rules_say() -> None:
    call_command("order_state_machine", "--check")


def test_the_gate_refuses_a_document_that_is_missing_or_differs(elsewhere: Path) -> None:
    with pytest.raises(CommandError, match="isn't what the rules say"):
        call_command("order_state_machine", "--check")
    assert not elsewhere.exists()
    call_command("order_state_machine")
    call_command("order_state_machine", "--check")
    elsewhere.write_text(elsewhere.read_text().replace("given back", "kept"))
    with pytest.raises(CommandError):
        call_command("order_state_machine", "--check")


def test_a_changed_rule_changes_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_document.document()
    monkeypatch.setattr(state_document, "RULES", RULES[:-1])
    assert state_document.document() != before


def test_the_diagram_has_every_move_and_no_other() -> None:
    arrows = re.findall(
        r"^    (\S+) --> ([^\s:]+)(?:: )?(.*)$", state_document.diagram(), re.MULTILINE
    )
    assert {(old, new) for old, new, _ in arrows} == {
        ("[*]", "pending"),
        ("fulfilled", "[*]"),
        ("canceled", "[*]"),
        *((old.value, new.value) for old in OrderStatus for new in ALLOWED[old]),
    }
    # A semicolon or a colon ends a label, and the diagram isn't drawn.
    assert not [label for _, _, label in arrows if set(label) & set(";:#")]


def test_each_move_has_one_rule() -> None:
    assert len({(rule.source, rule.target) for rule in RULES}) == len(RULES)


def test_the_checks_that_the_rules_name_exist() -> None:
    named = {name for rule in RULES for name in NAMED.findall(rule.issue)}
    assert named
    assert named <= {check.name for check in registry.all_checks()}
