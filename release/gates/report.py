"""What came of the gates: for a person, a program, GitHub's log and JUnit's readers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree import ElementTree

from release.gates.gate import Gate, Result, State
from release.gates.running import exit_code

MARKS = {State.PASS: "ok", State.FAIL: "FAILED", State.NOT_RUN: "not run"}


def listed(gates: Sequence[Gate]) -> list[str]:
    """A line for each gate: name, milestone, group, what it shows, without what it may go."""
    width = max((len(gate.name) for gate in gates), default=0)
    return [
        f"{gate.name:<{width}}  {gate.milestone.name}  {gate.group:<7}  {gate.shows}"
        + (f" (may be not run without {', '.join(sorted(gate.may_lack))})" if gate.may_lack else "")
        for gate in gates
    ]


def line(result: Result, width: int) -> str:
    """A gate's line in a run: how it ended, how long it took, and what it saw."""
    said = "" if result.state is State.FAIL else f"  {result.first_line}"
    head = f"{result.gate.name:<{width}} {MARKS[result.state]:<7} {result.seconds:6.1f} s"
    return (head + said).rstrip()


def summary(results: Sequence[Result]) -> str:
    """How many ended how, and which of them not well."""
    names = {
        state: [result.gate.name for result in results if result.state is state] for state in State
    }
    parts = [f"{len(names[State.PASS])} of {len(results)} gates passed"]
    if names[State.FAIL]:
        parts.append(f"failed: {', '.join(names[State.FAIL])}")
    if names[State.NOT_RUN]:
        parts.append(f"not run: {', '.join(names[State.NOT_RUN])}")
    return f"{'; '.join(parts)}. {sum(result.seconds for result in results):.0f} s."


def as_json(results: Sequence[Result]) -> str:
    return json.dumps(
        {
            "exit_code": exit_code(results),
            "gates": [
                {
                    "name": result.gate.name,
                    "shows": result.gate.shows,
                    "milestone": result.gate.milestone.name,
                    "group": result.gate.group,
                    "state": result.state,
                    "tolerated": result.tolerated,
                    "seconds": round(result.seconds, 3),
                    "words": result.words,
                }
                for result in results
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def for_github(result: Result) -> list[str]:
    """A group of the log that holds what the gate said, and an annotation if it didn't pass."""
    lines = [f"::group::{line(result, 0)}", result.words, "::endgroup::"]
    if result.state is not State.PASS:
        kind = "warning" if result.tolerated else "error"
        words = result.words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        lines.append(f"::{kind} title=gate {result.gate.name}::{words[:4000]}")
    return lines


def as_junit(results: Sequence[Result], commit: str = "") -> str:
    """JUnit's XML: what wasn't run is skipped, or an error where it must be run."""
    suite = ElementTree.Element("testsuite", name="gates", tests=str(len(results)))
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", name="commit", value=commit)
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"gates.{result.gate.group}",
            name=result.gate.name,
            time=f"{result.seconds:.3f}",
        )
        if result.state is State.PASS:
            ElementTree.SubElement(case, "system-out").text = printable(result.words)
            continue
        kind = "failure"
        if result.state is State.NOT_RUN:
            kind = "skipped" if result.tolerated else "error"
        said = ElementTree.SubElement(case, kind, message=printable(result.first_line))
        said.text = printable(result.words)
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def printable(text: str) -> str:
    """``text`` without what XML can't hold, such as a terminal's colours."""
    return "".join(sign for sign in text if sign in "\t\n\r" or ord(sign) >= 32)
