"""One demo at a time in a clone, and nothing of it survives it, however it ends.

Without Django, so that ``make stop`` and the guard need no settings.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

BASE_DIR = Path(__file__).resolve().parent.parent.parent
LOCAL = Path(os.environ.get("COUNTINGHOUSE_DATA_DIR") or BASE_DIR / ".local")
LOCK = LOCAL / "demo.lock"
TURN_WITHIN = 30  # seconds that a demo which is ending may take
END_WITHIN = 15  # seconds that a process may take to end when asked to
ALL_ENDED = "all ended\n"


class DemoFailed(RuntimeError):
    """The demo can't run, or stopped running; the message is one line that says what to do."""


def _take(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> tuple[int, str]:
    """Process and address of the demo that runs; 0 while one is coming up or ending."""
    file.seek(0)
    pid, _, url = file.read().partition(" ")
    return (int(pid), url) if pid.isdigit() else (0, "")


@contextmanager
def only_one() -> Iterator[IO[str]]:
    """There is one demo at a time in a clone: two would share a database and a stand-in.

    Gives the file whose lock says so. One that is just ending is waited for.

    Raises:
        DemoFailed: one is running.
    """
    LOCAL.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + TURN_WITHIN
    with LOCK.open("a+") as file:
        while not _take(file):
            pid, url = _holder(file)
            if pid or time.monotonic() > deadline:
                where = url or "another terminal"
                raise DemoFailed(
                    f"The demo runs already, at {where}. Ctrl-C there ends it, or `make stop` here."
                )
            time.sleep(0.05)
        try:
            yield file
        finally:
            file.truncate(0)


def say_where(url: str) -> None:
    """Note this process and the demo's address for whoever starts a second one."""
    LOCK.write_text(f"{os.getpid()} {url}")


def end_running() -> bool:
    """End the demo that runs in this clone and wait until it has; say whether there was one."""
    if not LOCK.exists():
        return False
    with LOCK.open("a+") as file:
        if _take(file):
            return False
        pid, _ = _holder(file)
        if pid:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + TURN_WITHIN + END_WITHIN
        while not _take(file):
            if time.monotonic() > deadline:
                raise DemoFailed(f"The demo (process {pid}) doesn't end.")
            time.sleep(0.05)
    return True


class Guard:
    """A process that ends the demo's others when the demo itself was killed.

    It holds the reading end of a pipe whose writing end only the demo has, and the demo's lock
    until it is done.
    """

    def __init__(self, lock: IO[str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "release.demo.guard", str(lock.fileno())],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock.fileno(),),
            start_new_session=True,  # Ctrl-C and the end of the terminal don't reach it
            text=True,
        )

    def watch(self, pid: int) -> None:
        """Have the process ``pid`` and those it starts ended with this one."""
        self._tell(f"{pid}\n")

    def dismiss(self) -> None:
        """Tell it that nothing is left to end."""
        self._tell(ALL_ENDED)
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):
            self._popen.stdin.close()
        self._popen.wait(END_WITHIN)

    def _tell(self, line: str) -> None:
        assert self._popen.stdin is not None
        with suppress(BrokenPipeError):  # somebody ended it; the demo does without
            self._popen.stdin.write(line)
            self._popen.stdin.flush()
