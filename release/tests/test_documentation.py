"""Documents are held to the tree: their links, their anchors, and what they tell people to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.documentation import commands, links


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Shop\n\n[All](docs/README.md)\n")
    (tmp_path / "docs" / "README.md").write_text("[Runbook](runbook.md), [why](adr/)\n")
    (tmp_path / "docs" / "runbook.md").write_text(
        "# Run it\n\n## When `it` fails: now\n\n"
        "[up](../README.md#shop) [here](#when-it-fails-now)\n"
    )
    (tmp_path / "docs" / "adr" / "0001.md").write_text(
        "Because. [Elsewhere](https://example.com)\n"
    )
    (tmp_path / "Makefile").write_text("demo:\n\ttrue\n")
    return tmp_path.resolve()


def test_links_and_headings_that_are_there_are_found(tree: Path) -> None:
    assert links.broken(tree) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[gone](gone.md)", "docs/more.md:1: gone.md isn't there"),
        ("![picture](images/\ngone.png)", ""),
        ("a\n![picture](images/gone.png)", "docs/more.md:2: images/gone.png isn't there"),
        ("[it](runbook.md#nowhere)", "docs/more.md:1: runbook.md#nowhere: no such heading"),
        ("[out](../../../etc)", "docs/more.md:1: ../../../etc"),
        ("`[code](gone.md)`\n\n```\n[code](gone.md)\n```", ""),
    ],
)
def test_a_link_that_leads_nowhere_is_named(tree: Path, text: str, problem: str) -> None:
    (tree / "docs" / "more.md").write_text(text)
    found = links.broken(tree)
    assert found[-1] == "docs/README.md doesn't lead to docs/more.md"
    assert "".join(found[:-1]).startswith(problem)
    assert bool(found[:-1]) is bool(problem)


@pytest.mark.parametrize(
    "text",
    [
        "`make demo` and `python manage.py run_checks --fail-on-issues`",
        "    python manage.py run_checks --only NAME… --format text|json  # what is wrong\n",
        "`manage.py backup [--keep N] --to DIR`, or `backup --to …`",
        "    make demo && .venv/bin/python manage.py migrate\n",
        "Words about `manage.py reconcile`, which wants more, and `git checkout --force`",
    ],
)
def test_what_can_be_typed_passes(tree: Path, text: str) -> None:
    (tree / "docs" / "runbook.md").write_text(text)
    assert commands.wrong(tree) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`make coffee`", "make has no target coffee"),
        ("    make demo coffee=1 && make coffee\n", "make has no target coffee"),
        ("`manage.py run_cheques`", "manage.py has no command run_cheques"),
        ("    python manage.py run_checks --fail\n    x\n", ""),
        ("`run_checks --loudly`", "manage.py run_checks: unrecognized arguments: --loudly"),
        ("```\nmanage.py backup --to\n```", "manage.py backup: argument --to: expected one"),
        ("`scripts/gone.py`", "scripts/gone.py isn't there"),
    ],
)
def test_what_cannot_be_typed_is_named(tree: Path, text: str, problem: str) -> None:
    (tree / "docs" / "runbook.md").write_text(text)
    found = commands.wrong(tree)
    assert bool(found) is bool(problem)
    assert not problem or f": {problem}" in found[0]
