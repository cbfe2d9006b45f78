"""Making the package: every file of ``contents``, in the order in which the story goes."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connections
from django.urls import reverse
from django.utils import timezone

from governance.audited import SIGNED_IN
from release.gates.context import environment
from release.proof.camera import Camera, camera
from release.proof.contents import FROM_DOCKER, PERIODS, ROLES
from release.proof.package import Package, Say, now
from release.proof.stage import Stage, stage
from release.tree import is_of

PYTHON = sys.executable
MENDED_WITHIN = 90  # seconds that the remedy's refund may take to come back
EXPORT_LINES = 4
COMMIT = re.compile(r"commit (?P<commit>[0-9a-f]{40})(?P<altered>, altered)?")
# Pages beside those where people land: who looks, and at which address.
PAGES = {
    "operations": ("analyst", "operations"),
    "products": ("executive", "products"),
    "subscriptions": ("executive", "subscriptions"),
    "money": ("finance", "money"),
    "reconciliation": ("finance", "reconciliation"),
    "exports": ("finance", "exports"),
    "kpi_definitions": ("analyst", "kpis"),
    "orders": ("operator", "admin:orders_order_changelist"),
    "users": ("administrator", "admin:auth_user_changelist"),
}
ANOMALY = "amount_mismatch"  # the demo's: an order was paid too much
REASON = "The app took the old price; the customer has been told"


def make(
    folder: Path,
    base: Path,
    say: Say,
    *,
    ci: Path | None = None,
    tests: Path | None = None,
    docker: Path,
    orders: int | None = None,
) -> Package:
    """The package, with its index, of the tree at ``base``.

    ``ci`` is what CI's run printed and ``tests`` the JUnit file of its tests: without them CI's run
    is done here, which takes long. ``docker`` is where ``scripts/docker_proof`` left its files.
    """
    package = Package(folder, base, say)
    captures_of_the_tree(package)
    with stage(base, orders) as running:
        say(f"The demo is at {running.url}")
        with camera(running, package) as lens:
            pictures_of_an_issue(package, running, lens)
            pictures_of_pages(lens)
        captures_of_the_stage(package, running)
    connections.close_all()  # what runs next may stop the server
    with TemporaryDirectory(prefix="proof-") as kept:
        if ci is None:
            tests = Path(kept) / "tests.xml"
            run_ci(package, tests)
        else:
            package.write("ci.txt", ci.read_text(encoding="utf-8"), ".ci/run", None, now())
        results = ["--tests", str(tests)] if tests else []
        gates = ("manage.py", "gates", "--group", "checks", *results)
        capture(package, "gates.txt", *gates)
    take_docker(package, docker)
    package.close()
    return package


def take_docker(package: Package, folder: Path) -> None:
    """What ``scripts/docker_proof`` left there, if it ran on this tree."""
    log = folder / "docker.txt"
    if not log.is_file():
        package.say(f"{log} isn't there: run scripts/docker_proof")
        return
    ran_on = COMMIT.search(log.read_text(encoding="utf-8"))
    if not ran_on or ran_on["altered"] or not is_of(package.base, ran_on["commit"]):
        package.say(f"{log} is of another tree: run scripts/docker_proof again")
        return
    for evidence in FROM_DOCKER:
        if (folder / evidence.name).is_file():
            package.take_over(folder / evidence.name, "scripts/docker_proof")


def capture(package: Package, name: str, *arguments: str, env: dict[str, str] | None = None) -> int:
    """A capture of Python with these arguments, told as a person would type it."""
    shown = f"python {' '.join(arguments)}"
    return package.capture(name, PYTHON, *arguments, env=env or environment(), shown=shown)


def captures_of_the_tree(package: Package) -> None:
    """What needs nothing but the tree."""
    capture(package, "ruff.txt", "-m", "ruff", "check", ".")
    for name, gate in (("deploy", "deploy"), ("pip_audit", "pip-audit"), ("deliverable",) * 2):
        capture(package, f"{name}.txt", "manage.py", "gates", "--only", gate)


def pictures_of_an_issue(package: Package, running: Stage, lens: Camera) -> None:
    """The demo's anomaly: found, mended by its remedy, resolved."""
    failing = ("manage.py", "run_checks", "--fail-on-issues")
    capture(package, "run_checks_failing.txt", *failing, env=running.env)
    lens.go("operator", "/")
    lens.shoot("queue.png", "operator", whole=False)
    issues = reverse("admin:monitoring_issue_changelist")
    page = lens.go("operator", f"{issues}?check_name={ANOMALY}")
    with page.expect_navigation():
        page.locator("#result_list tbody th a").first.click()
    issue = page.url.removeprefix(running.url).partition("?")[0]
    lens.go("operator", issue)
    lens.shoot("issue_open.png", "operator")
    with page.expect_navigation():
        page.locator("a.remedy").first.click()
    page.locator("[name=reason]").fill(REASON)
    lens.shoot("remedy.png", "operator")
    with page.expect_navigation():
        page.locator(".submit-row input[type=submit]").click()
    wait_until_mended(package, running)
    capture(package, "run_checks.txt", *failing, env=running.env)
    lens.go("operator", issue)
    lens.shoot("issue_resolved.png", "operator")


def wait_until_mended(package: Package, running: Stage) -> None:
    """Run its check until its issue is gone, or it has taken too long; the capture says which."""
    deadline = time.monotonic() + MENDED_WITHIN
    command = [PYTHON, "manage.py", "run_checks", "--fail-on-issues", "--only", ANOMALY]
    while time.monotonic() < deadline:
        done = subprocess.run(
            command, cwd=package.base, env=running.env, capture_output=True, check=False
        )
        if done.returncode == 0:
            return
        time.sleep(2)


def pictures_of_pages(lens: Camera) -> None:
    """Where each role lands, and the pages that it works with."""
    for role in ROLES:
        lens.go(role, "/")
        lens.shoot(f"role_{role}.png", role, whole=False)
    for days in PERIODS:
        lens.go("executive", f"{reverse('dashboard')}?days={days}")
        lens.shoot(f"executive_{days}.png", "executive")
    for name, (role, address) in PAGES.items():
        lens.go(role, reverse(address))
        lens.shoot(f"{name}.png", role)
    today = timezone.now().date()
    filters = f"action={SIGNED_IN}&since={today}&until={today}"
    lens.go("auditor", f"{reverse('admin:auditlog_auditevent_changelist')}?{filters}")
    lens.shoot("audit_log.png", "auditor")


def captures_of_the_stage(package: Package, running: Stage) -> None:
    """What needs the demo's data."""
    capture(package, "verify_audit.txt", "manage.py", "verify_audit", env=running.env)
    with TemporaryDirectory(prefix="proof-") as kept:
        env = {**running.env, "BACKUP_DIR": kept}
        drill = "python manage.py backup && python manage.py restore_drill"
        script = f"{PYTHON} manage.py backup && {PYTHON} manage.py restore_drill"
        package.capture("restore_drill.txt", "bash", "-c", script, env=env, shown=drill)
    package.capture(
        "finance_export.txt",
        PYTHON,
        *("manage.py", "export", "revenue", "--days", "90"),
        env=running.env,
        shown="python manage.py export revenue --days 90",
        lines=EXPORT_LINES,
    )


def run_ci(package: Package, tests: Path) -> None:
    """CI's run, here; the last of its runs of the tests leaves its results."""
    env = {**environment(), "PYTEST_ADDOPTS": f"--junit-xml={tests}"}
    package.capture("ci.txt", ".ci/run", env=env, shown=".ci/run")
