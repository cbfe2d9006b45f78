"""Test runs in one clone share a database server, and the last one out stops it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from pytest_socket import SocketConnectBlockedError

from config.testing import Turn, stop_unused
from config.tests.processes import BASE_DIR

A_RUN = """
import sys; from pathlib import Path; from config.testing import Turn
turn = Turn.take(Path(sys.argv[1]), "pg")
print(turn.url, flush=True)
sys.stdin.read()
turn.give_up("pg")
"""


def test_the_settings_knew_the_tests_server() -> None:
    database = settings.DATABASES["default"]
    assert settings.ENVIRONMENT == "test"
    assert str(database["HOST"]) in os.environ["DATABASE_URL"]


def test_nothing_beyond_this_machine_can_be_reached() -> None:
    with pytest.raises(SocketConnectBlockedError), pytest.warns(UserWarning, match="192.0.2.1"):
        socket.create_connection(("192.0.2.1", 443), timeout=0.1)


def begin(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", A_RUN, str(root)],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def address(run: subprocess.Popen[str]) -> str:
    assert run.stdout is not None
    return run.stdout.readline().strip()


def test_the_last_run_stops_the_server_and_each_has_a_database(server_root: Path) -> None:
    running = server_root / "pg" / "postmaster.pid"
    first = Turn.take(server_root, "pg")
    second = begin(server_root)
    assert address(second) == f"{first.url}_2"
    assert first.give_up("pg") is False
    assert running.exists()
    assert stop_unused(server_root, "pg") is False  # nor does `make stop` take it away

    third = Turn.take(server_root, "pg")
    assert third.url == first.url
    second.communicate()
    assert running.exists()
    assert third.give_up("pg") is True
    assert not running.exists()


def test_a_run_that_was_killed_holds_nothing(server_root: Path) -> None:
    killed = begin(server_root)
    address(killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert stop_unused(server_root, "pg") is True
    assert not (server_root / "pg" / "postmaster.pid").exists()
