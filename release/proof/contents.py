"""What the package must hold, by name, and what each shows."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("executive", "analyst", "operator", "finance", "auditor", "administrator")
PERIODS = (7, 30, 90)


@dataclass(frozen=True)
class Evidence:
    """One file. A capture's program must end with ``exit_code``."""

    name: str
    shows: str
    exit_code: int = 0


FROM_DOCKER = (
    Evidence("docker.txt", "The Docker path: build, start, migrate, seed, check, back up, test"),
    Evidence("docker_log.png", "The end of its log"),
    Evidence("docker_page.png", "A page of the site on https://localhost"),
)
REQUIRED = (
    Evidence("ci.txt", "What CI runs, on this machine: checks, and the suite on each Python"),
    Evidence("gates.txt", "The gates, and the claims held to that run of the tests"),
    Evidence("deploy.txt", "The deployment check in production settings"),
    Evidence("ruff.txt", "Lint"),
    Evidence(
        "pip_audit.txt", "Known vulnerabilities of what production installs, or why not audited"
    ),
    Evidence("deliverable.txt", "What is handed over holds nothing that it mustn't"),
    Evidence("run_checks_failing.txt", "An anomaly: the checks fail, and its issue is open", 1),
    Evidence("queue.png", "What waits for the operator: that issue"),
    Evidence("issue_open.png", "That issue: two numbers that disagree, the money, the remedy"),
    Evidence("remedy.png", "The remedy's form"),
    Evidence("run_checks.txt", "After the remedy: no open issue"),
    Evidence("issue_resolved.png", "The same issue, resolved"),
    Evidence("verify_audit.txt", "The audit log is sound"),
    Evidence("audit_log.png", "The audit log, filtered by action and day"),
    Evidence("restore_drill.txt", "A backup, restored into an empty database and compared"),
    Evidence("finance_export.txt", "The header of a finance export, and its manifest"),
    *(
        Evidence(f"executive_{days}.png", f"The executive's page for {days} days, with its trend")
        for days in PERIODS
    ),
    Evidence("products.png", "The products page"),
    Evidence("subscriptions.png", "The subscriptions page"),
    Evidence("money.png", "Money: from what customers paid to what reached the bank"),
    Evidence("reconciliation.png", "The reconciliation: Stripe, orders and figures"),
    Evidence("operations.png", "The operations page"),
    Evidence("orders.png", "The orders, as the operator works with them"),
    Evidence("exports.png", "The exports that finance may take"),
    Evidence("kpi_definitions.png", "What the figures mean"),
    Evidence("users.png", "People and their roles, as the administrator keeps them"),
    *(Evidence(f"role_{role}.png", f"Where the {role} lands") for role in ROLES),
    *FROM_DOCKER,
)
BY_NAME = {evidence.name: evidence for evidence in REQUIRED}
