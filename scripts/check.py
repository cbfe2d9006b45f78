"""Run every check that isn't a test; say which of them failed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent
CHECKS: dict[str, list[str]] = {
    "lint": [PYTHON, "-m", "ruff", "check", "--quiet", "."],
    "format": [PYTHON, "-m", "ruff", "format", "--check", "--quiet", "."],
    "types": [PYTHON, "-m", "mypy", "--no-error-summary", "."],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "settings": [PYTHON, "manage.py", "check"],
    "states": [PYTHON, "manage.py", "order_state_machine", "--check"],
    "kpis": [PYTHON, "manage.py", "kpi_definitions", "--check"],
    "exports": [PYTHON, "manage.py", "export_schema", "--check"],
    "rights": [PYTHON, "manage.py", "rbac_matrix", "--check"],
    "personal": [PYTHON, "manage.py", "pii_inventory", "--check"],
    "locks": [PYTHON, "scripts/lock.py", "--check"],
}


def main() -> None:
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        result = subprocess.run(
            command,
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        seconds = time.monotonic() - started
        print(
            f"{name:<11} {'FAILED' if result.returncode else 'ok':<7} {seconds:5.1f} s", flush=True
        )
        if result.returncode:
            failed.append(name)
            print(result.stdout, flush=True)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
