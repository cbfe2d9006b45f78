"""Webhook delivery: signed, from a pool of threads, retried, and misbehaving on demand."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import http.client
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from .events import Event

SECRET_WRONG = "whsec_this_is_not_the_secret"
STALE_BY = 3600
_LOGGED = 20_000


def signature(payload: str, secrets: Iterable[str], at: int) -> str:
    """The ``Stripe-Signature`` header: one ``v1`` for each secret."""
    signed = f"{at}.{payload}".encode()
    parts = [f"t={at}"]
    for secret in secrets:
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        parts.append(f"v1={digest}")
    return ",".join(parts)


def _as_it_is(event: Event, api_version: str | None) -> str | None:
    return event.text(api_version)


@dataclass
class Endpoint:
    """Where events go, in which version, and under which secrets."""

    id: str
    url: str
    secrets: list[str]
    livemode: bool = False
    enabled_events: list[str] = field(default_factory=lambda: ["*"])
    api_version: str | None = None
    enabled: bool = True

    def wants(self, event: Event) -> bool:
        """Whether the endpoint is sent this event."""
        return self.enabled and self.livemode == event.livemode and self.listens(event.type)

    def listens(self, type_: str) -> bool:
        """Whether the endpoint has this type enabled."""
        return any(
            fnmatchcase(type_, pattern) and (pattern != "*" or not type_.startswith("account."))
            for pattern in self.enabled_events
        )


@dataclass
class Mode:
    """How deliveries behave; ``types`` are patterns, ``limit`` counts events until it ends."""

    hold: bool = False
    duplicates: int = 0
    delay: float = 0.0
    wrong_secret: bool = False
    stale: bool = False
    drop: bool = False
    types: tuple[str, ...] = ("*",)
    limit: int | None = None

    def applies(self, type_: str) -> bool:
        """Whether an event of this type is meant."""
        return any(fnmatchcase(type_, pattern) for pattern in self.types)


@dataclass
class Delivery:
    """One attempt or more to bring an event to an endpoint."""

    event: Event
    endpoint: Endpoint
    payload: str
    wrong_secret: bool = False
    stale: bool = False
    attempt: int = 0


@dataclass(frozen=True)
class Attempt:
    """A line of the delivery log; ``status`` is 0 when nobody answered."""

    event_id: str
    type: str
    endpoint: str
    attempt: int
    status: int
    at: float
    body: str = ""


class Deliverer:
    """The queue of deliveries and the threads that empty it."""

    def __init__(
        self,
        *,
        workers: int = 4,
        retry_delays: Sequence[float] = (0.2, 0.6, 2.0),
        timeout: float = 10.0,
        seed: int = 0,
        render: Callable[[Event, str | None], str | None] = _as_it_is,
    ) -> None:
        """``render`` writes an event in a version; ``None`` where that has no such event."""
        self.retry_delays = tuple(retry_delays)
        self.timeout = timeout
        self.endpoints: list[Endpoint] = []
        self.mode = Mode()
        self.held: list[Delivery] = []
        self.attempts: deque[Attempt] = deque(maxlen=_LOGGED)
        self._render = render
        self._workers = workers
        self._random = random.Random(seed)
        self._queue: list[tuple[float, int, Delivery]] = []
        self._pushed = 0
        self._busy = 0
        self._running = True
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()

    def offer(self, event: Event) -> None:
        """Send an event to every endpoint that wants it, the way the mode says."""
        for endpoint in self.endpoints:
            if endpoint.wants(event):
                payload = self._render(event, endpoint.api_version)
                if payload is not None:
                    self._offer(event, endpoint, payload)

    def _offer(self, event: Event, endpoint: Endpoint, payload: str) -> None:
        mode = self.mode
        with self._changed:
            if not mode.applies(event.type):
                self._push(Delivery(event, endpoint, payload), 0.0)
                return
            if mode.limit is not None:
                mode.limit -= 1
                if mode.limit <= 0:
                    self.mode = Mode()
            if mode.drop:
                return
            for _ in range(1 + mode.duplicates):
                delivery = Delivery(event, endpoint, payload, mode.wrong_secret, mode.stale)
                if mode.hold:
                    self.held.append(delivery)
                else:
                    self._push(delivery, mode.delay)

    def send(self, event: Event, *, wrong_secret: bool = False, stale: bool = False) -> None:
        """Deliver an event now, whatever the mode is."""
        for endpoint in self.endpoints:
            if not endpoint.wants(event):
                continue
            payload = self._render(event, endpoint.api_version)
            if payload is not None:
                with self._changed:
                    self._push(Delivery(event, endpoint, payload, wrong_secret, stale), 0.0)

    def flush(self, *, shuffle: bool = False, limit: int | None = None) -> int:
        """Deliver what was held, in order or shuffled; answers how many."""
        with self._changed:
            if shuffle:
                self._random.shuffle(self.held)
            count = len(self.held) if limit is None else min(limit, len(self.held))
            released, self.held = self.held[:count], self.held[count:]
            for delivery in released:
                self._push(delivery, 0.0)
        return len(released)

    def discard_held(self) -> int:
        """Never deliver what was held; answers how many those were."""
        with self._changed:
            count, self.held = len(self.held), []
        return count

    def _push(self, delivery: Delivery, delay: float) -> None:
        self._pushed += 1
        heapq.heappush(self._queue, (time.monotonic() + delay, self._pushed, delivery))
        if self._running and len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, name="standin-webhook", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                delivery = self._take()
                if delivery is None:
                    return
                self._busy += 1
            status, body = self._post(delivery)
            with self._changed:
                self._busy -= 1
                self._record(delivery, status, body)
                retry = delivery.attempt < len(self.retry_delays)
                if not 200 <= status < 300 and retry and self._running:
                    delay = self.retry_delays[delivery.attempt]
                    delivery.attempt += 1
                    self._push(delivery, delay)
                self._changed.notify_all()

    def _take(self) -> Delivery | None:
        while self._running:
            if not self._queue:
                self._changed.wait()
                continue
            wait = self._queue[0][0] - time.monotonic()
            if wait <= 0:
                return heapq.heappop(self._queue)[2]
            self._changed.wait(wait)
        return None

    def _record(self, delivery: Delivery, status: int, body: str) -> None:
        self.attempts.append(
            Attempt(
                event_id=delivery.event.id,
                type=delivery.event.type,
                endpoint=delivery.endpoint.id,
                attempt=delivery.attempt + 1,
                status=status,
                at=time.time(),
                body=body[:500],
            )
        )

    def _post(self, delivery: Delivery) -> tuple[int, str]:
        endpoint = delivery.endpoint
        payload = delivery.payload
        # The receiver checks the timestamp against its own clock, so this is never the
        # stand-in's.
        at = int(time.time()) - (STALE_BY if delivery.stale else 0)
        secrets = [SECRET_WRONG] if delivery.wrong_secret else endpoint.secrets
        target = urlsplit(endpoint.url)
        path = target.path + (f"?{target.query}" if target.query else "")
        connection = http.client.HTTPConnection(
            target.hostname or "127.0.0.1", target.port or 80, timeout=self.timeout
        )
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.request(
                "POST",
                path or "/",
                body=payload.encode(),
                headers={
                    "Content-Type": "application/json; charset=utf-8",
                    "Stripe-Signature": signature(payload, secrets, at),
                    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                },
            )
            answer = connection.getresponse()
            return answer.status, answer.read(2000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def wait_idle(self, timeout: float = 30.0) -> bool:
        """Wait until every delivery and retry is answered; whether that came in time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._queue or self._busy:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def stop(self) -> None:
        """Stop the threads; what is still queued is not delivered."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=2.0)
