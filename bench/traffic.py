"""Stripe's traffic: events as it would send them, a web server to take them, and a sender."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count, islice

from bench.databases import BASE_DIR, SECRET
from release.demo.history import History
from standin import StandIn

ORDERS = 300
SENDERS = 8
PATH = "/stripe/webhook/"
# What a payment brings about, from the buyer to the refund.
OF_PAYMENTS = ("payment_intent.", "charge.", "checkout.session.", "refund.", "customer.created")
OWN_NAME = re.compile(r'"((?:evt|pi|ch|re|cus|txn|in|cs|du)_[A-Za-z0-9_]+|A-\d+)"')
_copies = count(1)


@cache
def shop() -> tuple[str, ...]:
    """The events of a small shop's past, in order, as JSON."""
    standin = StandIn(seed=1)
    now = datetime.now(UTC).replace(microsecond=0)
    History(standin, seed=1, orders=ORDERS, until=now).live()
    events = standin.events_since(0)
    return tuple(json.dumps(one) for one in events if one["type"].startswith(OF_PAYMENTS))


def new_events(most: int) -> list[str]:
    """So many events that nobody has seen: of shops that are alike but for every name."""

    def endless() -> Iterator[str]:
        for copy in _copies:
            for event in shop():
                yield OWN_NAME.sub(rf'"\g<1>n{os.getpid()}n{copy}"', event)

    return list(islice(endless(), most))


def signed(body: bytes) -> str:
    """The signature header that Stripe would send with the body now."""
    at = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


@contextmanager
def web(application: str) -> Iterator[int]:
    """gunicorn as a deployment would run it on two cores; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = int(listening.getsockname()[1])
        arguments = ["-m", "gunicorn", application, "--bind", f"fd://{listening.fileno()}"]
        arguments += ["--worker-class", "gthread", "--workers", "2", "--threads", "4"]
        arguments += ["--log-level", "warning"]
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=BASE_DIR, pass_fds=(listening.fileno(),)
        )
    try:
        deadline = time.monotonic() + 60
        while post(http.client.HTTPConnection("127.0.0.1", port, timeout=30), b"{}", "") != 400:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{application} doesn't answer")
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def post(client: http.client.HTTPConnection, body: bytes, signature: str) -> int:
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
    client.request("POST", PATH, body, headers)
    response = client.getresponse()
    response.read()
    return response.status


@dataclass(frozen=True)
class Sent:
    """How fast they were taken, and how long each took in milliseconds."""

    rate: float
    latencies: list[float]


def send(port: int, events: Sequence[str], *, rate: float | None = None) -> Sent:
    """Send the events over a few connections at once: as fast as they are taken, or at a rate.

    Raises:
        AssertionError: one was refused.
    """
    requests = [(event.encode(), signed(event.encode())) for event in events]
    latencies: list[float] = []
    statuses: set[int] = set()
    began = time.perf_counter()

    def one_by_one(first: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in range(first, len(requests), SENDERS):
            if rate:
                time.sleep(max(began + number / rate - time.perf_counter(), 0))
            asked = time.perf_counter()
            statuses.add(post(client, *requests[number]))
            latencies.append(1000 * (time.perf_counter() - asked))

    threads = [threading.Thread(target=one_by_one, args=(first,)) for first in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if statuses != {200} or len(latencies) != len(requests):
        raise AssertionError(f"{len(latencies)} of {len(requests)} answered, with {statuses}")
    return Sent(len(requests) / took, latencies)
