"""``make demo`` in earnest: its processes, on a database server of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.tests.processes import BASE_DIR, answers
from standin import StandIn

PATIENCE = 120

Begin = Callable[..., "Demo"]


def control(standin: str, operation: str, **arguments: object) -> object:
    """Do something at the stand-in for Stripe that the demo runs."""
    request = urllib.request.Request(
        f"{standin}/_control/{operation}",
        json.dumps(arguments).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)["result"]


class Demo:
    """A demo in a process group of its own, as a terminal would have it."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        env = {**os.environ, "COUNTINGHOUSE_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
        env.pop("DATABASE_POOL_MAX", None)
        # Set, for a .env of the developer's has its say where they aren't.
        env |= {"DATABASE_URL": "", "COUNTINGHOUSE_ENV": "development"}
        self.log = folder / "printed.log"
        with self.log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "manage.py", "demo", *arguments],
                cwd=BASE_DIR,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.seen: list[psutil.Process] = []

    def printed(self) -> str:
        return self.log.read_text()

    def address(self, label: str) -> str:
        """The address that stands behind ``label``, once it is printed."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.popen.poll() is None:
            if found := re.search(rf"{label}\s+(http://\S+?)/?\s", self.printed()):
                self.seen = psutil.Process(self.popen.pid).children(recursive=True)
                return found[1]
            time.sleep(0.1)
        raise AssertionError(self.printed())

    def interrupt(self) -> int:
        """Ctrl-C: the signal goes to the whole group; its exit code."""
        os.killpg(self.popen.pid, signal.SIGINT)
        return self.popen.wait(PATIENCE)

    def left_over(self) -> list[psutil.Process]:
        return [
            each
            for each in self.seen
            if each.is_running() and each.status() != psutil.STATUS_ZOMBIE
        ]


@pytest.fixture
def demo(server_root: Path) -> Iterator[Begin]:
    """``demo("--port", "0")`` starts one; all share one folder and its database."""
    started: list[Demo] = []

    def begin(*arguments: str) -> Demo:
        started.append(Demo(server_root, ["--orders", "25", *arguments]))
        return started[-1]

    yield begin
    for each in started:
        if each.popen.poll() is None:
            each.interrupt()


def test_the_demo_starts_takes_webhooks_and_stops_without_a_trace(
    demo: Begin, server_root: Path
) -> None:
    first = demo("--port", "0")
    site = first.address("Countinghouse is at")
    stripe = first.address("stand-in for Stripe is at")
    assert answers(site, "/readyz") == 200
    assert answers(site, "/accounts/login/") == 200
    for role in ("executive", "operator", "auditor", "administrator"):
        assert re.search(rf"^ +{role} +[0-9a-f]{{8}} ", first.printed(), re.MULTILINE)

    control(stripe, "create_payment", amount=4200, currency="eur")
    assert control(stripe, "wait_idle", timeout=PATIENCE // 2) is True
    delivered = control(stripe, "deliveries")
    assert isinstance(delivered, list)
    assert {attempt["status"] for attempt in delivered} == {200}

    # A second one says where the first one is, and leaves its database alone.
    second = demo("--port", "0")
    assert second.popen.wait(PATIENCE) == 1
    assert second.printed().strip() == (
        f"CommandError: The demo runs already, at {site}. Ctrl-C there ends it, or `make stop` "
        "here."
    )
    assert answers(site, "/readyz") == 200

    assert first.interrupt() == 0
    assert first.left_over() == []
    assert answers(site, "/readyz") == 0
    assert not (server_root / "postgres" / "postmaster.pid").exists()

    again = demo("--port", "0")
    again.address("Countinghouse is at")
    assert "Living through" not in again.printed()
    assert StandIn(state=server_root / "standin.json").api(
        "GET", "/v1/payment_intents", {"limit": 1}
    )["data"]

    # Killed, it can end nothing itself; the next one starts nevertheless, once all has ended.
    again.popen.kill()
    again.popen.wait()
    last_one = demo("--port", "0")
    last_one.address("Countinghouse is at")
    assert again.left_over() == []

    # A part that dies ends the whole, and is named.
    web = next(child for child in last_one.seen if "gunicorn" in " ".join(child.cmdline()))
    web.send_signal(signal.SIGKILL)
    assert last_one.popen.wait(PATIENCE) == 1
    last = last_one.printed().strip().splitlines()[-1]
    assert last.startswith("CommandError: The web process ended (-9). It said last: ")
    assert not (server_root / "postgres" / "postmaster.pid").exists()


def test_a_port_that_cant_be_had_is_said_in_one_line_that_names_the_way_out(
    demo: Begin, server_root: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = demo("--port", str(port))
        assert refused.popen.wait(PATIENCE) == 1
    assert refused.printed().strip() == (
        f"CommandError: Port {port} is taken. Choose another: make demo PORT={port + 1}"
    )
    senseless = demo("--port", "many")
    assert senseless.popen.wait(PATIENCE) == 1
    assert senseless.printed().strip() == (
        "CommandError: PORT=many isn't a port. Choose one: make demo PORT=8001"
    )
    assert not (server_root / "postgres" / "postmaster.pid").exists()
