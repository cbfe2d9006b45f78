"""THE list of gates, in the order in which they run: the quick ones first.

The last word of a line says what a place may lack: there the gate may end as *not run*, which is no
pass, and a run goes on; in a strict run, as in CI and for a release, it may not.
"""

from __future__ import annotations

from collections.abc import Iterable

from release.gates.documents import (
    commands_exist,
    deliverable_is_clean,
    evidence_holds,
    links_hold,
)
from release.gates.gate import Gate, Group, Milestone, Missing
from release.gates.programs import (
    acceptance,
    deploy,
    docker,
    document,
    manage,
    on_demo,
    on_throwaway,
    program,
    python,
    tests,
    tests_of_analytics,
)
from release.gates.secrets import secrets
from release.gates.vulnerabilities import pip_audit

M1, M2, M3, M4 = Milestone
NETWORK = frozenset({Missing.NETWORK})
HISTORY = frozenset({Missing.HISTORY})

GATES = (
    Gate("lint", "ruff check", python("-m", "ruff", "check", "--quiet", ".")),
    Gate("format", "ruff format", python("-m", "ruff", "format", "--check", "--quiet", ".")),
    Gate("types", "mypy, strict", python("-m", "mypy", "--no-error-summary", ".")),
    Gate("imports", "the direction of imports", program("lint-imports", "--no-logo")),
    Gate(
        "locks",
        "the locks are those of pyproject.toml",
        python("scripts/lock.py", "--check"),
    ),
    Gate("secrets", "no secret in tree and history", secrets, may_lack=HISTORY),
    Gate("deliverable", "what is handed over is clean", deliverable_is_clean, may_lack=HISTORY),
    Gate("pip-audit", "no known vulnerability in what is locked", pip_audit, may_lack=NETWORK),
    Gate("settings", "manage.py check", manage("check")),
    Gate("deploy", "check --deploy in production settings", deploy),
    Gate(
        "migrations",
        "no model without its migration",
        manage("makemigrations", "--check", "--dry-run"),
    ),
    Gate("migrate", "an empty database migrated", on_throwaway("migrate", "--check")),
    Gate("run_checks", "the demo has no open issue", on_demo("run_checks", "--fail-on-issues")),
    Gate("verify_audit", "the demo's audit log is sound", on_demo("verify_audit"), M2),
    Gate("states", "order_state_machine.md is made", document("order_state_machine"), M2),
    Gate("rights", "rbac_matrix.md is made", document("rbac_matrix"), M2),
    Gate("personal", "data_governance.md's inventory is made", document("pii_inventory"), M4),
    Gate("kpis", "kpi_definitions.md is made", document("kpi_definitions"), M3),
    Gate("exports", "exports.md and its contract are made", document("export_schema"), M3),
    Gate("runbook", "runbook.md says what checks and schedule do", document("runbook"), M4),
    Gate("links", "the documents' links lead somewhere", links_hold, M4),
    Gate("commands", "the commands that documents name exist", commands_exist, M4),
    Gate("licences", "each locked package's licence is taken", document("third_party_notices"), M4),
    Gate("test", "the whole suite", tests, M1, Group.TESTS),
    Gate(
        "test-analytics",
        "the suite of the figures, by manage.py test",
        tests_of_analytics,
        M3,
        Group.TESTS,
    ),
    # After the tests, for what came of them.
    Gate("acceptance", "every claim is borne out, and its documents are made", acceptance, M4),
    Gate(
        "proof",
        "the evidence package is whole, and of this tree",
        evidence_holds,
        M4,
        Group.RELEASE,
        may_lack=frozenset({Missing.EVIDENCE, Missing.HISTORY}),
    ),
    Gate(
        "docker",
        "the Docker path, from nothing to pictures",
        docker,
        M4,
        Group.RELEASE,
        may_lack=frozenset({Missing.DOCKER}),
    ),
)


class UnknownGate(ValueError):
    """There is no gate of that name."""


def select(
    only: Iterable[str] = (),
    *,
    groups: Iterable[Group] = (),
    milestone: Milestone | None = None,
) -> list[Gate]:
    """The gates of these names, of these groups and of the milestones up to this one, in order.

    Raises:
        UnknownGate: one of the names is none.
    """
    wanted, within = set(only), set(groups)
    if unknown := wanted - {gate.name for gate in GATES}:
        raise UnknownGate(f"There is no gate {', '.join(sorted(unknown))}; --list shows them all.")
    return [
        gate
        for gate in GATES
        if (not wanted or gate.name in wanted)
        and (not within or gate.group in within)
        and (milestone is None or gate.milestone <= milestone)
    ]
