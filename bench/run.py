"""Measures how fast Stripe's events are taken in: by HTTP into the inbox, from there to orders.

Server, database and the client that sends share this machine, so the figures are a lower bound.
``python bench/run.py [--orders N]`` prints a table and writes .local/bench.json.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BASE_DIR))

from config import start  # noqa: E402
from release.demo.history import History  # noqa: E402
from standin import StandIn  # noqa: E402

SECRET = "whsec_bench"
SENDERS = 8
DATABASE = "countinghouse_bench"


def events_of(orders: int) -> list[dict[str, Any]]:
    """What Stripe would send about the past of a shop with so many orders."""
    standin = StandIn(seed=1)
    now = datetime.now(UTC).replace(microsecond=0)
    History(standin, seed=1, orders=orders, until=now).live()
    return standin.events_since(0)


def signed(event: dict[str, Any]) -> tuple[bytes, str]:
    """The request's body and its signature header."""
    body = json.dumps(event).encode()
    at = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={at},v1={digest}"


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """A migrated database of its own on the development server; the environment to reach it."""
    import psycopg

    server = start.start("postgres")
    folder = str(server.get_postmaster_info().socket_dir)
    env = {
        **os.environ,
        "DATABASE_URL": start.database_url(server, DATABASE),
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "STRIPE_API_KEY": "",
        "PYTHONWARNINGS": "ignore",
    }
    with psycopg.connect(host=folder, user="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        try:
            manage(env, "migrate", "--verbosity", "0")
            yield env
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def manage(env: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


@contextmanager
def web(env: dict[str, str]) -> Iterator[int]:
    """gunicorn as a deployment would run it on two cores; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = int(listening.getsockname()[1])
        arguments = ["-m", "gunicorn", "config.wsgi", "--bind", f"fd://{listening.fileno()}"]
        arguments += ["--workers", "2", "--no-control-socket", "--log-level", "warning"]
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=BASE_DIR,
            env=env,
            pass_fds=(listening.fileno(),),
        )
    try:
        while post(http.client.HTTPConnection("127.0.0.1", port, timeout=30), b"{}", "") != 400:
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def post(client: http.client.HTTPConnection, body: bytes, signature: str) -> int:
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
    client.request("POST", "/stripe/webhook/", body, headers)
    response = client.getresponse()
    response.read()
    return response.status


def send_all(port: int, events: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Send the events over a few connections at once; rate and latencies."""
    requests = [signed(event) for event in events]
    latencies: list[float] = []
    refused: list[int] = []

    def send(part: Sequence[tuple[bytes, str]]) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for body, signature in part:
            began = time.perf_counter()
            status = post(client, body, signature)
            latencies.append(time.perf_counter() - began)
            if status != 200:
                refused.append(status)

    threads = [
        threading.Thread(target=send, args=(requests[number::SENDERS],))
        for number in range(SENDERS)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if refused or len(latencies) != len(requests):
        sys.exit(f"Not every event was taken: {len(latencies)} answers, refusals {refused[:5]}.")
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "webhooks_per_second": round(len(requests) / seconds, 1),
        "webhook_median_ms": round(cuts[49] * 1000, 2),
        "webhook_p99_ms": round(cuts[98] * 1000, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000, help="in the shop's past (%(default)s)")
    orders = parser.parse_args().orders
    events = events_of(orders)
    with database() as env:
        with web(env) as port:
            result = {"events": float(len(events)), **send_all(port, events)}
        began = time.perf_counter()
        said = manage(env, "process_events")
        seconds = time.perf_counter() - began
    # Some carry other objects, which are observations of their own.
    processed = int(said.split()[0])
    if processed < len(events) or " 0 failed" not in said:
        sys.exit(f"Not every event was processed: {said}")
    result["process_events_per_second"] = round(processed / seconds, 1)
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **result,
    }
    local = BASE_DIR / ".local"
    local.mkdir(exist_ok=True)
    (local / "bench.json").write_text(json.dumps(report, indent=2) + "\n")
    for name, value in report.items():
        print(f"{name.replace('_', ' '):<28}{value:>28}")


if __name__ == "__main__":
    main()
