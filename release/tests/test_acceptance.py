"""Claims are held to code, tests and documents, and what is said of them comes from one place."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from release.acceptance import claims, documents, results
from release.acceptance.claims import LINES, BadClaims, Claim, Claims, Exclusion, Status
from release.acceptance.holding import against, against_all
from release.acceptance.verifying import Line, verify
from release.gates.context import BASE_DIR
from release.gates.gate import Gate, Result, State
from release.gates.registry import GATES

GOOD = Claim(
    id="M1.2",
    milestone="M1",
    line="Fail, then pass",
    claim="It does.",
    status=Status.MET,
    code=("shop",),
    tests=("shop/tests/test_shop.py::test_it_sells", "shop/tests/test_shop.py"),
    gates=("lint",),
    demo="Look",
    evidence=("issue_open.png",),
    missing="",
    feature="**It sells**",
)
JUNIT = """<testsuites><testsuite name="pytest">
<testcase classname="shop.tests.test_shop" name="test_it_sells[1]"/>
<testcase classname="shop.tests.test_shop" name="test_it_sells[2]">{end}</testcase>
<testcase classname="shop.tests.test_shop" name="test_it_buys"/>
</testsuite></testsuites>"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "tests").mkdir(parents=True)
    (tmp_path / "shop" / "tests" / "test_shop.py").write_text("def test_it_sells():\n    pass\n")
    return tmp_path


def said(claim: Claim, base: Path, ran: results.Results | None = None) -> list[str]:
    return list(against(claim, base, gates={"lint"}, results=ran))


def ran(folder: Path, end: str = "") -> results.Results:
    file = folder / "tests.xml"
    file.write_text(JUNIT.format(end=end))
    return results.read(file)


def test_a_claim_that_is_borne_out_has_nothing_against_it(tree: Path) -> None:
    assert said(GOOD, tree) == []
    assert said(GOOD, tree, ran(tree)) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"tests": ("shop/tests/test_shop.py::test_it_give",)}, "its test .*give isn't there"),
        ({"tests": ("shop/tests/test_none.py",)}, "its test .* isn't there"),
        ({"tests": (), "gates": ()}, "is met, and names neither a test nor a gate"),
        ({"gates": ("nonsense",)}, "its gate nonsense isn't there"),
        ({"code": ("shop", "gone.py")}, "its code gone.py isn't there"),
        ({"evidence": ("shop.png",)}, "its evidence shop.png isn't in the package"),
        ({"missing": "a lot"}, "is met, and says what is missing"),
        ({"status": Status.PARTLY}, "is partly, and doesn't say what is missing"),
    ],
)
def test_a_claim_that_is_not_borne_out_is_named(
    tree: Path, changed: dict[str, object], problem: str
) -> None:
    [found] = said(replace(GOOD, **changed), tree)  # type: ignore[arg-type]
    assert re.search(problem, found)


@pytest.mark.parametrize(
    ("end", "problem"),
    [
        ("<failure/>", "failed"),
        ("<error/>", "broke down"),
        ("<skipped/>", "was skipped"),
    ],
)
def test_a_claims_test_must_have_passed_in_the_run(tree: Path, end: str, problem: str) -> None:
    one = replace(GOOD, tests=GOOD.tests[:1])
    assert said(one, tree, ran(tree, end)) == [f"its test {one.tests[0]} {problem}"]
    (tree / "other.xml").write_text("<testsuite/>")
    assert said(one, tree, results.read(tree / "other.xml")) == [
        f"its test {one.tests[0]} was not run"
    ]


def test_no_line_of_the_list_can_be_left_out(tree: Path) -> None:
    found = against_all(Claims((GOOD,), ()), tree, gates={"lint"})
    assert found == [f"{line}: has no claim" for line in LINES if line != "M1.2"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[claim]]\nid = 'M1.2'\n", "M1.2 lacks claim, code, demo, line, milestone, status"),
        ("[[claim]]\nid = 'M1.2'\ncolour = 'red'\n", "M1.2 has colour, which means nothing"),
        ("[[out_of_scope]]\nname = 'Cart'\n", "out_of_scope"),
        ("[[claim", "acceptance.toml"),
    ],
)
def test_a_file_that_says_less_or_more_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "acceptance.toml").write_text(text)
    with pytest.raises(BadClaims, match=problem):
        claims.read(tmp_path)


def test_documents_and_readme_say_the_same_of_a_claim(tree: Path) -> None:
    partly = replace(GOOD, id="M2.1", milestone="M2", status=Status.PARTLY, missing="the rest")
    later = replace(GOOD, id="M3.1", milestone="M3", status=Status.NOT_YET, missing="all of it")
    readme = f"# Shop\n{documents.BEGIN}\nold\n{documents.END}\nmore\n"
    (tree / "README.md").write_text(readme)
    all_claims = Claims((GOOD, partly, later), (Exclusion("Cart", "Not ours."),))
    made = {path.name: text for path, text in documents.documents(all_claims, tree).items()}
    assert made["README.md"] == (
        f"# Shop\n{documents.BEGIN}\n- **It sells**\n- **It sells** (partly; missing: the rest)\n"
        f"{documents.END}\nmore\n"
    )
    assert "3 claims: 1 met, 1 partly, 1 not yet." in made["STATUS.md"]
    assert "| M3.1 | Fail, then pass | not yet | all of it |" in made["STATUS.md"]
    assert "[test_it_sells](../shop/tests/test_shop.py)" in made["acceptance_matrix.md"]
    for name in ("STATUS.md", "acceptance_matrix.md"):
        assert "- **Cart**: Not ours." in made[name]


def test_our_own_claims_are_borne_out() -> None:
    found = claims.read(BASE_DIR)
    assert against_all(found, BASE_DIR, gates={gate.name for gate in GATES}) == []


def test_each_line_says_its_command_and_what_came_of_it(tree: Path) -> None:
    gate = Gate("lint", "", lambda context: "")
    passed = [Result(gate, State.PASS, "", 0.1)]

    def line(claim: Claim, ended: list[Result], run: results.Results | None) -> Line:
        [found] = verify([claim], ended, tree, run)
        return found

    good = line(GOOD, passed, ran(tree))
    assert (good.state, good.words) == (State.PASS, "")
    assert good.command == (
        "python manage.py gates --only lint && "
        'make test ARGS="shop/tests/test_shop.py::test_it_sells shop/tests/test_shop.py"'
    )
    assert line(GOOD, passed, None).state is State.NOT_RUN
    offline = [Result(gate, State.NOT_RUN, "nobody answers", 0.1, tolerated=True)]
    assert line(GOOD, offline, ran(tree)).state is State.NOT_RUN
    assert line(GOOD, [Result(gate, State.FAIL, "", 0.1)], ran(tree)).state is State.FAIL
    assert line(GOOD, passed, ran(tree, "<failure/>")).state is State.FAIL
    assert line(GOOD, passed, ran(tree, "<skipped/>")).state is State.NOT_RUN
    partly = line(replace(GOOD, status=Status.PARTLY, missing="the rest"), passed, ran(tree))
    assert (partly.state, partly.words) == (State.FAIL, "partly: the rest")
