"""The demo's processes: web and worker as children, the stand-in for Stripe in this one."""

from __future__ import annotations

import errno
import http.client
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg
from django.core.management import call_command
from django.db import connection, connections

from governance.roles import Role
from release.demo.alone import BASE_DIR, END_WITHIN, LOCAL, DemoFailed, Guard, only_one, say_where
from release.demo.people import ensure_people
from release.demo.seeding import ORDERS, Plan, Say, is_seeded, past_of, refuse_if_real, seed
from release.demo.shop import SETTLEMENT
from release.demo.traffic import Traffic
from standin import StandIn

HOST = "127.0.0.1"
STATE = LOCAL / "standin.json"
READY_WITHIN = 60
# SIGINT too: a shell that starts the demo in the background has it ignored. SIGHUP comes when the
# terminal is closed.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass
class Child:
    """A process of the demo, and the file that takes what it prints."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise :class:`DemoFailed` if it has ended."""
        code = self.popen.poll()
        if code is not None:
            lines = self.log.read_text(errors="replace").splitlines()
            last = next((line.strip() for line in reversed(lines) if line.strip()), "nothing")
            raise DemoFailed(
                f"The {self.name} process ended ({code}). It said last: {last} (see {self.log})"
            )

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(END_WITHIN)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def listen(wanted: str) -> socket.socket:
    """The socket that the demo serves on; the web process inherits it.

    Raises:
        DemoFailed: the port is none, taken, or not to be had.
    """
    if not wanted.isascii() or not wanted.isdigit():
        raise DemoFailed(f"PORT={wanted} isn't a port. Choose one: make demo PORT=8001")
    port = int(wanted)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listening.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        other = port + 1 if 1024 <= port < 65535 else 8001
        reason = "is taken" if taken else "can't be used"
        raise DemoFailed(f"Port {port} {reason}. Choose another: make demo PORT={other}") from None
    listening.listen(128)
    return listening


def stop_database() -> None:
    """Stop the embedded server, if that is what the demo has been running on."""
    connections.close_all()
    if os.environ.get("COUNTINGHOUSE_EMBEDDED"):
        stop = [sys.executable, "-m", "config.start", "stop"]
        subprocess.run(stop, cwd=BASE_DIR, stdout=subprocess.DEVNULL, check=False)


def see_database() -> None:
    """Connect once, without the pool, which would go on trying.

    Raises:
        DemoFailed: there is no such database.
    """
    parameters = connection.get_connection_params()
    try:
        psycopg.connect(**parameters | {"connect_timeout": 5}).close()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise DemoFailed(
            f"DATABASE_URL can't be connected to ({reason}). Leave it out for the embedded server."
        ) from None


def prepare(say: Say, orders: int) -> None:
    """Migrate; give an empty database its past; see that the stand-in's file is there."""
    see_database()
    say("Migrating the database")
    call_command("migrate", verbosity=0, interactive=False)
    refuse_if_real()
    plan = Plan.begun()
    if not is_seeded():
        # What the walkthrough mends (docs/demo_walkthrough.md) is there, and nothing else.
        seed(state=STATE, orders=orders, anomaly=True, say=say)
    elif plan and not STATE.exists():
        say("Living through the shop's past again, as the stand-in's file is gone")
        past_of(plan, STATE)


def password() -> str:
    """The password of all users of the demo in this clone, made at the first start."""
    file = LOCAL / "demo-password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(4))
    return file.read_text().strip()


def start_child(
    name: str, arguments: list[str], env: dict[str, str], *, inherit: tuple[int, ...] = ()
) -> Child:
    """Start a Python process; Ctrl-C in the terminal reaches only this process, which stops it."""
    log = LOCAL / f"demo-{name}.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=BASE_DIR,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherit,
            start_new_session=True,
        )
    return Child(name, popen, log)


def start_standin(url: str, secret: str) -> StandIn:
    """The stand-in, serving, with one webhook endpoint: the demo at ``url``."""
    standin = StandIn(state=STATE, settlement=SETTLEMENT)
    # Endpoints of earlier runs, on other ports.
    for endpoint in standin.api("GET", "/v1/webhook_endpoints", {"limit": 100})["data"]:
        standin.api("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    standin.add_webhook(f"{url}/stripe/webhook/", secret)
    return standin.start()


def environment(standin: StandIn, secret: str) -> dict[str, str]:
    """What the web process and the worker are told."""
    return {
        **os.environ,
        "STRIPE_API_BASE": standin.url,
        "STRIPE_API_KEY": standin.secret_key,
        "STRIPE_WEBHOOK_SECRETS": secret,
        "STRIPE_REQUESTS_PER_SECOND": "100",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:No directory at",
    }


def is_ready(port: int) -> bool:
    client = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        client.request("GET", "/readyz")
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def run(wanted_port: str, say: Say, *, orders: int = ORDERS) -> None:
    """Run the demo until SIGINT or SIGTERM; everything that was started is stopped.

    Raises:
        DemoFailed: it can't run, or a part of it ended.
        NotADemo: the database isn't one for a demo.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in ENDING:
        signal.signal(number, interrupt)
    with ExitStack() as stack:
        guard = Guard(stack.enter_context(only_one()))
        stack.callback(guard.dismiss)
        stack.callback(stop_database)
        listening = stack.enter_context(listen(wanted_port))
        port = listening.getsockname()[1]
        url = f"http://{HOST}:{port}"
        say_where(url)
        try:
            prepare(say, orders)
            serve(stack, guard, listening, url, say)
        except KeyboardInterrupt:
            # A second Ctrl-C must not leave half of it running.
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)
            logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # of what was interrupted
            with suppress(OSError):  # the terminal is gone
                say("\nStopping")


def serve(stack: ExitStack, guard: Guard, listening: socket.socket, url: str, say: Say) -> None:
    """Start all parts, print where they are, and watch over them."""
    secret = f"whsec_{secrets.token_hex(16)}"
    standin = start_standin(url, secret)
    stack.callback(standin.stop)
    env = environment(standin, secret)
    web = ["-m", "gunicorn", "config.wsgi", "--bind", f"fd://{listening.fileno()}"]
    web += ["--workers", "2", "--graceful-timeout", "5"]
    children: list[Child] = []
    for name, arguments, inherit in (
        ("web", web, (listening.fileno(),)),
        ("worker", ["manage.py", "worker"], ()),
    ):
        child = start_child(name, arguments, env, inherit=inherit)
        guard.watch(child.popen.pid)
        stack.callback(child.stop)
        children.append(child)
    listening.close()  # the web process has it now
    word = password()
    roles = ensure_people(word)
    connections.close_all()
    port = int(url.rpartition(":")[2])
    deadline = time.monotonic() + READY_WITHIN
    while not is_ready(port):
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            raise DemoFailed(f"The web process wasn't ready in {READY_WITHIN} s (see {LOCAL}).")
        time.sleep(0.1)
    traffic = Traffic(standin)
    traffic.start()
    stack.callback(traffic.stop)
    say(welcome(url, standin, roles, word))
    while True:
        time.sleep(0.5)
        for child in children:
            child.check()


def welcome(url: str, standin: StandIn, roles: list[Role], word: str) -> str:
    """Where the demo is and who can sign in."""
    people = "\n".join(f"    {role.name:<15}{word:<12}{role.purpose}" for role in roles)
    return f"""
  Countinghouse is at  {url}/

    user           password
{people}

  People are buying, every twenty seconds at first. As operator, refund an order in the admin: the
  refund comes back as a webhook.
  The stand-in for Stripe is at {standin.url} (key {standin.secret_key}).
  Logs are in {LOCAL}. Ctrl-C stops everything; the data stays.
"""
