"""The gates' three ends, what a run makes of them, and who runs the list."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from release.gates import report
from release.gates.context import BASE_DIR, Context, environment
from release.gates.gate import Failed, Gate, Group, Milestone, Missing, NotRun, Result, State
from release.gates.registry import GATES, UnknownGate, select
from release.gates.running import exit_code, run
from release.gates.secrets import secrets
from release.gates.vulnerabilities import audit_of, judge
from release.tests.clone import begin, in_git


def passes(context: Context) -> str:
    return "3 of 3"


def fails(context: Context) -> str:
    raise Failed("a.py:1: no\nb.py:2: no")


def lacks(context: Context) -> str:
    raise NotRun(Missing.NETWORK, "nobody answers")


def breaks(context: Context) -> str:
    raise RuntimeError("broken itself")


GOOD = Gate("good", "", passes)
BAD = Gate("bad", "", fails)
OFFLINE = Gate("offline", "", lacks, may_lack=frozenset({Missing.NETWORK}))
NEEDED = Gate("needed", "", lacks, may_lack=frozenset({Missing.DOCKER}))
BROKEN = Gate("broken", "", breaks)


def ended(*gates: Gate, strict: bool = False) -> list[Result]:
    return list(run(gates, Context(strict=strict)))


def test_a_gate_passes_fails_or_is_not_run_and_the_others_go_on() -> None:
    results = ended(BAD, BROKEN, OFFLINE, GOOD)
    assert [result.state for result in results] == [
        State.FAIL,
        State.FAIL,
        State.NOT_RUN,
        State.PASS,
    ]
    assert "broken itself" in results[1].words
    assert report.summary(results).startswith(
        "1 of 4 gates passed; failed: bad, broken; not run: offline."
    )


def test_not_run_is_let_through_only_for_what_a_place_may_lack_and_never_if_strict() -> None:
    assert exit_code(ended(GOOD, OFFLINE)) == 0
    assert exit_code(ended(GOOD, NEEDED)) == 2
    assert exit_code(ended(GOOD, OFFLINE, strict=True)) == 2
    assert exit_code(ended(NEEDED, BAD)) == 1


def test_reports_tell_a_pass_from_what_was_not_run() -> None:
    results = ended(GOOD, BAD, OFFLINE, NEEDED)
    suite = ElementTree.fromstring(report.as_junit(results, "abc"))
    assert suite.find("properties/property[@value='abc']") is not None
    cases = suite.findall("testcase")
    assert {case.get("name"): [child.tag for child in case] for case in cases} == {
        "good": ["system-out"],
        "bad": ["failure"],
        "offline": ["skipped"],
        "needed": ["error"],
    }
    said = json.loads(report.as_json(results))
    assert said["exit_code"] == 1
    assert [gate["state"] for gate in said["gates"]] == ["pass", "fail", "not run", "not run"]
    assert report.for_github(results[1])[-1] == ("::error title=gate bad::a.py:1: no%0Ab.py:2: no")
    assert report.for_github(results[2])[-1].startswith("::warning title=gate offline::")


def test_gates_are_chosen_by_name_group_and_milestone() -> None:
    assert [gate.name for gate in select(["types", "lint"])] == ["lint", "types"]
    assert {gate.group for gate in select(groups=[Group.TESTS])} == {Group.TESTS}
    first = select(milestone=Milestone.M1)
    assert {gate.name for gate in first} < {gate.name for gate in GATES}
    assert {gate.milestone for gate in first} == {Milestone.M1}
    with pytest.raises(UnknownGate, match="nonsense"):
        select(["nonsense"])


def test_names_are_unique_and_everything_is_in_the_list_that_a_release_asks_for() -> None:
    names = [gate.name for gate in GATES]
    assert len(set(names)) == len(names)
    assert {
        "settings",
        "deploy",
        "migrations",
        "migrate",
        "test",
        "test-analytics",
        "run_checks",
        "lint",
        "format",
        "types",
        "imports",
        "pip-audit",
        "states",
        "kpis",
        "exports",
        "rights",
        "verify_audit",
    } <= set(names)


Package = dict[str, object]


def report_of(*packages: Package) -> dict[str, object]:
    return {"dependencies": list(packages), "fixes": []}


SOUND: Package = {"name": "django", "version": "5.2.19", "vulns": []}
SKIPPED: Package = {
    "name": "stripe",
    "skip_reason": "Dependency not found and could not be audited",
}
VULNERABLE: Package = {
    "name": "urllib3",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.0"], "description": ""}],
}


def test_an_audit_of_everything_passes_and_one_of_nothing_does_not() -> None:
    assert judge(audit_of(report_of(SOUND), 1)) == "audited 1 of 1, 0 vulnerable"
    for packages, of in (([SKIPPED], 1), ([SOUND, SKIPPED], 2), ([SOUND], 2), ([], 0)):
        with pytest.raises(NotRun, match=r"^not audited: audited \d of \d"):
            judge(audit_of(report_of(*packages), of))


def test_a_vulnerable_package_fails_however_few_were_audited() -> None:
    with pytest.raises(Failed, match=r"2 of 3, 1 vulnerable\nurllib3 1.0: PYSEC-1, mended in 2.0"):
        judge(audit_of(report_of(SOUND, VULNERABLE, SKIPPED), 3))


def test_a_planted_secret_is_found_in_the_tree_and_in_the_history(tmp_path: Path) -> None:
    planted = "STRIPE_API_KEY=" + "sk" + "_live_" + "51Habcdefghijkl"
    (tmp_path / "settings.py").write_text("KEY = 'whsec_test_of_the_processes'\n")
    begin(tmp_path)
    context = Context(base=tmp_path)
    assert secrets(context) == "none in the tree, none in 1 commits"

    (tmp_path / "notes.txt").write_text(f"remember\n{planted}\n")
    with pytest.raises(Failed, match=r"^notes.txt:2: a live key of Stripe \(sk_live_…\)$"):
        secrets(context)
    in_git(tmp_path, "add", ".")
    in_git(tmp_path, "commit", "--quiet", "--message", "Oh")
    (tmp_path / "notes.txt").unlink()
    in_git(tmp_path, "commit", "--quiet", "--all", "--message", "Nothing happened")
    with pytest.raises(Failed, match=r"^[0-9a-f]{10}:notes.txt: a live key of Stripe"):
        secrets(context)


def test_a_tree_without_history_is_not_taken_for_a_clean_one(tmp_path: Path) -> None:
    with pytest.raises(NotRun) as said:
        secrets(Context(base=tmp_path))
    assert said.value.missing is Missing.HISTORY


def test_what_is_set_up_in_a_clone_changes_no_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("STRIPE_API_KEY='sk_of_this_clone'\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setattr("release.gates.context.BASE_DIR", tmp_path)
    # As manage.py leaves it, with one variable that somebody has set beside the file.
    monkeypatch.setenv("COUNTINGHOUSE_EMBEDDED", "postgres")
    monkeypatch.setenv("DATABASE_URL", "postgres://postgres@/somewhere/postgres")
    monkeypatch.setenv("STRIPE_API_KEY", "sk_of_this_clone")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    found = environment()
    assert found["LOG_LEVEL"] == "ERROR"
    assert not {"COUNTINGHOUSE_EMBEDDED", "DATABASE_URL", "STRIPE_API_KEY"} & set(found)
    monkeypatch.delenv("COUNTINGHOUSE_EMBEDDED")
    assert environment()["DATABASE_URL"] == "postgres://postgres@/somewhere/postgres"


def test_a_program_that_hangs_or_is_not_there_fails(tmp_path: Path) -> None:
    context = Context(base=tmp_path)
    with pytest.raises(Failed, match=r"begun\n+not done after 0.02 minutes"):
        context.run("sh", "-c", "echo begun; exec sleep 60", minutes=0.02)
    with pytest.raises(Failed, match="No such file"):
        context.run("no-such-program")
    with pytest.raises(Failed, match="sh exits with 3"):
        context.run("sh", "-c", "exit 3")


WORKFLOWS = sorted((BASE_DIR / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_the_list_read_only_on_actions_of_one_commit(path: Path) -> None:
    text = path.read_text()
    assert "permissions:\n  contents: read\n" in text
    assert "write" not in re.findall(r"^\s*[\w-]+:\s*(\w+)$", text, re.MULTILINE)
    for action in re.findall(r"uses:\s*(.+)", text):
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    for command in re.findall(r"- run:\s*(.+)", text):
        assert re.match(r"make |\.venv/bin/python manage\.py gates ", command), command


def test_ci_leaves_no_gate_out_but_that_of_a_releases_evidence() -> None:
    text = (BASE_DIR / ".github" / "workflows" / "ci.yml").read_text()
    strict = {
        gate.name
        # What came of them is kept for a release, which may not run them all itself.
        for arguments in re.findall(r"manage\.py gates (.*--strict.* --junit \w+\.xml)", text)
        for gate in select(
            after("--only", arguments), groups=map(Group, after("--group", arguments))
        )
    }
    assert {gate.name for gate in GATES} - strict == {"proof"}


def after(option: str, arguments: str) -> list[str]:
    """The words that a command line gives to an option that takes several."""
    return re.findall(r"\S+", arguments.partition(f"{option} ")[2].partition("--")[0])


def test_make_check_and_ci_run_the_list() -> None:
    recipe = (BASE_DIR / "Makefile").read_text().partition("\ncheck:\n")[2].partition("\n\n")[0]
    assert "manage.py gates --group checks" in recipe
    assert "make check" in (BASE_DIR / ".ci" / "run").read_text()
