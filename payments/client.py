"""Stripe's API: the client, whole lists, and plain JSON.

Every call passes :class:`PacedTransport`, which keeps the two rules that a caller could forget: no
network call inside a transaction, and no more requests a second than Stripe allows.
"""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, urlsplit

import stripe
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

Json = dict[str, Any]

PAGE = 100  # the most that Stripe lists at once
TIMEOUT = (5.0, 30.0)  # seconds to connect, and to wait for an answer
NETWORK_RETRIES = 2
RATE_LIMIT_RETRIES = 5
LONGEST_WAIT = 60.0
KEY = re.compile(r"[\x21-\x7e]+")
# While a person waits for the page: one try, and no standing in line.
HASTY_TIMEOUT = (3.0, 7.0)
HASTY_WAIT = 1.0
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class NotConfigured(RuntimeError):
    """There is no API key, or the address of the API can't be trusted with one."""


class CallInTransaction(RuntimeError):
    """Stripe would have been called while a transaction was open."""


class Pace:
    """A token bucket: ``rate`` requests a second, ``burst`` of them at once."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._tokens = float(burst)
        self._at = clock()

    def take(self, most: float = math.inf) -> bool:
        """Wait until one more request is allowed; False, and no wait, if that is ``most`` seconds
        away or more."""
        with self._lock:
            now = self._clock()
            # ``_at`` lies ahead while everybody waits: nothing trickles in until then.
            self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate)
            self._at = max(self._at, now)
            wait = self._at - now + max(0.0, (1 - self._tokens) / self.rate)
            if wait >= most:
                return False
            self._tokens -= 1
        if wait > 0:
            self._sleep(wait)
        return True

    def pause(self, seconds: float) -> None:
        """Let nobody send anything for so long: Stripe has asked for it."""
        with self._lock:
            self._at = max(self._at, self._clock() + seconds)
            self._tokens = min(self._tokens, 1.0)


class PacedTransport(stripe.RequestsClient):
    """The SDK's transport, paced; a 429 is waited out as long as ``Retry-After`` says. A hasty one
    waits for nothing: the request is then not sent, or its 429 handed on."""

    def __init__(self, pace: Pace, *, hasty: bool = False) -> None:
        super().__init__(timeout=HASTY_TIMEOUT if hasty else TIMEOUT)
        self.pace = pace
        self.hasty = hasty

    def request(  # type: ignore[override]  # as in RequestsClient, which differs from its own base
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        refuse_in_transaction()
        attempt = 0
        while True:
            if not self.pace.take(HASTY_WAIT if self.hasty else math.inf):
                raise stripe.RateLimitError("Too much is being asked of Stripe at this moment.")
            answer = super().request(method, url, headers, post_data)
            if answer[1] != 429:
                return answer
            self.pace.pause(_wait_asked_for(answer[2], attempt))
            if self.hasty or attempt == RATE_LIMIT_RETRIES:
                return answer
            attempt += 1


def refuse_in_transaction() -> None:
    """Raise :class:`CallInTransaction` if a transaction is open.

    A durable block is Django's own test for that, and lets a test case's transaction pass.
    """
    if not connection.in_atomic_block:
        return
    try:
        with transaction.atomic(durable=True):
            pass
    except RuntimeError:
        raise CallInTransaction(
            "Nothing goes over the network while a transaction is open"
        ) from None


def stripe_client(*, hasty: bool = False) -> stripe.StripeClient:
    """The client for this installation's key; one a process and key, so that connections last.

    A ``hasty`` one gives up in about ten seconds, for while a person waits.

    Raises:
        NotConfigured: ``STRIPE_API_KEY`` isn't a key, or ``STRIPE_API_BASE`` is no safe address.
    """
    if not settings.STRIPE_API_KEY:
        raise NotConfigured("STRIPE_API_KEY isn't set, so Stripe's API can't be called.")
    if not KEY.fullmatch(settings.STRIPE_API_KEY):
        # The transport would refuse it with an error that shows it.
        raise NotConfigured("STRIPE_API_KEY isn't a key: it has other characters than a key has.")
    return _client(
        settings.STRIPE_API_KEY,
        settings.STRIPE_API_BASE,
        settings.STRIPE_REQUESTS_PER_SECOND,
        hasty,
    )


@lru_cache(maxsize=16)
def _client(key: str, base: str, rate: int, hasty: bool) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=stripe.api_version,
        base_addresses={"api": _trusted(base)} if base else None,
        max_network_retries=0 if hasty else NETWORK_RETRIES,
        http_client=PacedTransport(_pace(key, base, rate), hasty=hasty),
    )


@lru_cache(maxsize=8)
def _pace(key: str, base: str, rate: int) -> Pace:
    """One pace for both clients of a key."""
    # A burst comes on top of the rate: a sandbox takes 25 requests in a second.
    return Pace(rate, burst=max(1, rate // 5))


def _trusted(base: str) -> str:
    address = urlsplit(base)
    if address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK):
        return base.rstrip("/")
    raise NotConfigured(
        f"STRIPE_API_BASE is {base!r}: the key would travel unencrypted. "
        "It can be an https:// address, or http:// on this machine."
    )


def _wait_asked_for(headers: Mapping[str, str], attempt: int) -> float:
    try:
        asked = float(headers["Retry-After"])
    except (KeyError, ValueError):
        asked = 2.0**attempt
    # A little chance, so that several processes don't come back at one moment.
    return min(max(asked, 0.0), LONGEST_WAIT) * random.uniform(1, 1.25)


def livemode() -> bool:
    """Whether the key opens the live mode: by its prefix, ``sk_live_`` or ``rk_live_``."""
    return "_live_" in settings.STRIPE_API_KEY


def plain(obj: stripe.StripeObject) -> Json:
    """What an SDK object holds, as JSON would: dicts, and decimals as the strings that came."""
    return obj.to_dict(for_json=True)


@dataclass(frozen=True)
class Answer:
    """One answer of the API: its body, the version it is in, and when its request started."""

    body: Json
    as_of: datetime
    api_version: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """Up to 100 objects of a list, newest first; ``as_of`` is when its request started."""

    objects: list[Json]
    as_of: datetime
    api_version: str


def get(client: stripe.StripeClient, path: str, params: Mapping[str, Any] | None = None) -> Answer:
    """GET ``path`` (such as ``/v1/charges``).

    The raw answer, because building 100 SDK objects a page would cost more than anything else here.

    Raises:
        stripe.StripeError: what Stripe refuses, and what doesn't arrive.
    """
    as_of = timezone.now()
    response = cast(
        stripe.StripeResponse,
        client.raw_request("get", path, **(params or {})),
    )
    return Answer(
        body=cast(Json, response.data),
        as_of=as_of,
        api_version=response.headers.get("Stripe-Version", "") or stripe.api_version,
        headers=response.headers,
    )


def pages(
    client: stripe.StripeClient,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    starting_after: str = "",
) -> Iterator[Page]:
    """The pages of the list at ``path``, from the one behind ``starting_after`` on.

    Raises:
        stripe.StripeError: as :func:`get`.
    """
    while True:
        at = {"starting_after": starting_after} if starting_after else {}
        answer = get(client, path, {"limit": PAGE, **(params or {}), **at})
        objects = answer.body["data"]
        yield Page(objects, answer.as_of, answer.api_version)
        if not objects or not answer.body.get("has_more"):
            return
        starting_after = objects[-1]["id"]


def object_path(folder: str, key: str) -> str:
    """The path of one object: ``/v1/charges`` and ``ch_1`` make ``/v1/charges/ch_1``."""
    return f"{folder}/{quote(key, safe='')}"


def complete(client: stripe.StripeClient, obj: Json) -> Json:
    """Fetch what Stripe left off the lists inside ``obj`` (it embeds ten items), and put it in."""
    for value in obj.values():
        if not isinstance(value, dict) or value.get("object") != "list":
            continue
        path = str(value.get("url") or "")
        if value.get("has_more") and value["data"] and path.startswith("/v1/"):
            for page in pages(client, path, starting_after=value["data"][-1]["id"]):
                value["data"].extend(page.objects)
            value["has_more"] = False
    return obj


def refusal(error: stripe.StripeError) -> str:
    """What Stripe said, in one line; for a 403 that names the permission that the key lacks."""
    message = " ".join(str(error.user_message or error).split())
    if isinstance(error, stripe.APIConnectionError):
        return f"Stripe can't be reached: {message}"
    return message or type(error).__name__
