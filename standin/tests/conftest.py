"""A stand-in, a client of it, and a shop that receives its webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from standin import StandIn


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """Serving, at a time that stands still."""
    with StandIn(seed=7, now=1_790_000_000, retry_delays=(0.01, 0.02)) as running:
        yield running


@pytest.fixture
def client(standin: StandIn) -> Any:
    """The real SDK, which retries nothing by itself."""
    return client_of(standin)


def client_of(standin: StandIn, key: str | None = None, retries: int = 0) -> Any:
    """A client of a stand-in."""
    return stripe.StripeClient(
        key or standin.secret_key,
        base_addresses={"api": standin.url},
        max_network_retries=retries,
    )


class Shop:
    """Receives webhooks, verifies them with the SDK, and answers what it is told to."""

    secret = "whsec_test_shop"

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.headers: list[str] = []
        self.answers: list[int] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                header = self.headers["Stripe-Signature"]
                shop.headers.append(header)
                try:
                    stripe.Webhook.construct_event(body, header, shop.secret)
                except stripe.SignatureVerificationError as error:
                    shop.refused.append(str(error))
                    status = 400
                else:
                    status = shop.answers.pop(0) if shop.answers else 200
                    if status == 200:
                        shop.events.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/stripe/webhook/"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def types(self) -> list[str]:
        """The types of the events that were accepted."""
        return [event["type"] for event in self.events]

    def close(self) -> None:
        """Stop receiving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that listens."""
    receiver = Shop()
    yield receiver
    receiver.close()


def types_since(standin: StandIn, cursor: int) -> list[str]:
    """What happened after a cursor."""
    return [event["type"] for event in standin.events_since(cursor)]


def paid(client: Any, amount: int = 5000, currency: str = "usd", **more: Any) -> Any:
    """A payment intent that was paid by card."""
    params = {
        "amount": amount,
        "currency": currency,
        "payment_method": "pm_card_visa",
        "confirm": True,
        **more,
    }
    return client.v1.payment_intents.create(params)
