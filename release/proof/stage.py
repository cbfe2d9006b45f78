"""The running product that pictures are taken of: a demo of its own, over a database of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from release.backup.database import Database
from release.backup.scratch import scratch_database
from release.gates.context import environment

READY_WITHIN = 600
END_WITHIN = 60


class StageFailed(RuntimeError):
    """The demo didn't come up; the message is what it said last."""


@dataclass(frozen=True)
class Stage:
    """Where it is, and what a command is told to work on its database."""

    url: str
    password: str
    env: dict[str, str]


@contextmanager
def stage(base: Path, orders: int | None = None) -> Iterator[Stage]:
    """``manage.py demo`` with a folder and a database that are gone in the end.

    Raises:
        StageFailed: it didn't come up.
        BackupError: the database can't be made.
    """
    with (
        scratch_database(Database.current(), "proof") as database,
        TemporaryDirectory(prefix="proof-") as folder,
    ):
        env = environment() | {
            "DATABASE_URL": database.url_like(settings.DATABASE_URL),
            "COUNTINGHOUSE_DATA_DIR": folder,
            "COUNTINGHOUSE_ENV": "development",
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "manage.py", "demo", "--port", "0"]
        command += ["--orders", str(orders)] if orders else []
        log = Path(folder) / "demo.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=base, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            url = wait_for(process, Path(folder), log)
            password = (Path(folder) / "demo-password").read_text().strip()
            yield Stage(url, password, env)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()


def wait_for(process: subprocess.Popen[bytes], folder: Path, log: Path) -> str:
    """The demo's address, once it has printed it."""
    deadline = time.monotonic() + READY_WITHIN
    while True:
        said = log.read_text(errors="replace")
        if "Countinghouse is at" in said:
            return said.partition("Countinghouse is at")[2].split()[0].rstrip("/")
        if process.poll() is not None or time.monotonic() > deadline:
            raise StageFailed(said.strip() or f"the demo ended with {process.returncode}")
        time.sleep(0.2)
