"""Taking the time: of calls, of statements, and of processes with the memory that they took."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection

from bench.databases import BASE_DIR

PATIENCE = 5.0  # seconds


def seconds(call: Callable[[], object]) -> float:
    """How long the call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def repeated(call: Callable[[], object], runs: int) -> list[float]:
    """How long the call takes, in seconds, so many times after one that isn't counted; fewer times
    where they would take longer than ``PATIENCE``."""
    first = seconds(call)
    fitting = int(PATIENCE / first) if first else runs
    return [seconds(call) for _ in range(min(runs, max(fitting, 2)))]


def alternating(
    ours: Callable[[], object], limit: Callable[[], object], runs: int
) -> tuple[list[float], list[float]]:
    """How long both take, in turns, so that whatever else the machine does hits both alike."""
    pairs = [(seconds(ours), seconds(limit)) for _ in range(runs)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def percentile(values: Sequence[float], hundredth: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[hundredth - 1]


def statement(*statements: str) -> Callable[[], None]:
    """What runs the statements, one after another, and reads what they return."""

    def run() -> None:
        with connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)
                if cursor.description:
                    cursor.fetchall()

    return run


@dataclass(frozen=True)
class Ended:
    """A process that ended well."""

    seconds: float
    cpu_seconds: float  # its own, without the database's
    peak_mb: float
    said: str


def process(*arguments: str, env: dict[str, str] | None = None) -> Ended:
    """Run Python with these arguments in the project's folder.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=BASE_DIR, env=env, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, arguments, said)
    return Ended(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said.strip())


def command(*arguments: str, env: dict[str, str] | None = None) -> Ended:
    """Run one of the management commands."""
    return process("manage.py", *arguments, env=env)
