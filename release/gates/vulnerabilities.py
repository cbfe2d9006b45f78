"""pip-audit, and how much of the lock it could audit: it exits 0 as well when that was nothing."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from release.gates.context import PYTHON, Context, environment
from release.gates.gate import Failed, Missing, NotRun
from release.locked import pins

LOCK = "requirements.txt"
# A place without the service must learn that soon; where the gate must be run it may take its time.
SECONDS, SECONDS_STRICT = 15, 180
USAGE = 2


@dataclass(frozen=True)
class Audit:
    """How many of the locked packages were audited, and what is known against them."""

    of: int
    audited: int
    vulnerable: tuple[str, ...]
    reason: str = ""

    def words(self) -> str:
        """The line that tells an audit from none."""
        return f"audited {self.audited} of {self.of}, {len(self.vulnerable)} vulnerable"


def audit_of(report: dict[str, Any], of: int) -> Audit:
    """What pip-audit's JSON says of a lock with ``of`` packages."""
    packages = report.get("dependencies", [])
    reasons = [each["skip_reason"] for each in packages if each.get("skip_reason")]
    vulnerable = tuple(
        f"{each['name']} {each['version']}: {found['id']}"
        + (f", mended in {', '.join(found['fix_versions'])}" if found.get("fix_versions") else "")
        for each in packages
        for found in each.get("vulns", [])
    )
    audited = sum(1 for each in packages if "vulns" in each and not each.get("skip_reason"))
    return Audit(of, audited, vulnerable, reasons[0] if reasons else "")


def judge(audit: Audit) -> str:
    """The words of a pass.

    Raises:
        Failed: a package is vulnerable, however few were audited.
        NotRun: not all of them were audited.
    """
    if audit.vulnerable:
        raise Failed("\n".join([audit.words(), *audit.vulnerable]))
    if audit.audited < audit.of or not audit.of:
        reason = audit.reason or "the rest isn't in its report"
        raise NotRun(Missing.NETWORK, f"not audited: {audit.words()} ({reason})")
    return audit.words()


def pip_audit(context: Context) -> str:
    """Audit what production installs."""
    of = sum(pin.here for pin in pins(context.base / LOCK))
    seconds = SECONDS_STRICT if context.strict else SECONDS
    command = [PYTHON, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--requirement"]
    command += [LOCK, "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    try:
        done = subprocess.run(
            command,
            cwd=context.base,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotRun(Missing.NETWORK, f"no answer from the service in {seconds} s") from None
    if done.returncode == USAGE:
        raise Failed(done.stderr.strip())
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        raise NotRun(Missing.NETWORK, f"not audited: {last}") from None
    return judge(audit_of(report, of))
