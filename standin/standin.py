"""The stand-in as one object: its state, its server, and every control operation."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import billing_clock, checkout, control, invoices, persistence, subscriptions, versions
from .api import Answer, Api
from .clock import Clock
from .control_billing import BillingControl
from .control_delivery import DeliveryControl
from .control_money import MoneyControl
from .errors import Obj, RefusedToStartError
from .events import Event, encode_data
from .ids import IdFactory
from .server import HOST, Server
from .webhooks import Deliverer
from .world import API_VERSION, Settings, World


def refuse_production() -> None:
    """Raise :class:`RefusedToStartError` where ``COUNTINGHOUSE_ENV`` says production."""
    if os.environ.get("COUNTINGHOUSE_ENV", "").strip().lower() == "production":
        raise RefusedToStartError(
            "The stand-in for Stripe doesn't start with COUNTINGHOUSE_ENV=production: "
            "it takes anybody's test keys and moves no real money."
        )


class StandIn(MoneyControl, BillingControl, DeliveryControl):
    """A small stateful stand-in for Stripe's API.

    As a context manager it serves on loopback; without that it works in process only
    (``api`` and the control operations), which is the quick way to make a history.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        seed: int = 0,
        state: str | Path | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | Sequence[str] = "whsec_standin",
        api_version: str = API_VERSION,
        endpoint_api_version: str | None = None,
        settlement: Sequence[str] = ("usd",),
        async_capture: bool = False,
        livemode: bool = False,
        now: int | None = None,
        retry_delays: Sequence[float] = (0.2, 0.6, 2.0),
        workers: int = 4,
        autosave: float = 20.0,
        **settings: Any,
    ) -> None:
        """``settings`` are fields of :class:`standin.world.Settings`.

        ``livemode`` chooses the mode that control operations and ``webhook_url`` are about;
        requests are answered in both, by their key.
        """
        refuse_production()
        self.settings = Settings(
            api_version=api_version,
            settlement=tuple(settlement),
            async_capture=async_capture,
            **settings,
        )
        self.clock = Clock()
        self.clock.set(now)
        self.livemode = livemode
        self.seed = seed
        self._port = port
        self._state = Path(state) if state is not None else None
        self._autosave = autosave
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        lock = threading.RLock()
        ids = IdFactory(seed)
        self.worlds = {
            live: World(livemode=live, clock=self.clock, ids=ids, settings=self.settings, lock=lock)
            for live in (False, True)
        }
        self.world = self.worlds[livemode]
        self.api_side = Api(worlds=self.worlds, settings=self.settings, lock=lock, seed=seed)
        self.deliverer = Deliverer(
            workers=workers, retry_delays=retry_delays, seed=seed, render=self._render
        )
        self.secret_key = f"sk_{'live' if livemode else 'test'}_standin"
        self.live_secret_key = "sk_live_standin"
        for key in ("sk_test_standin", self.live_secret_key):
            self.add_key(key)
        self._run = 0
        if self._state is not None:
            self._run = persistence.load(self._state, self.api_side, self.clock)
            if self._run:
                fresh = IdFactory(seed, self._run)
                for world in self.worlds.values():
                    world.ids = fresh
        for world in self.worlds.values():
            self._wire(world)
        first = webhook_secret if isinstance(webhook_secret, str) else next(iter(webhook_secret))
        self.webhook_secret = first
        if webhook_url:
            self.add_webhook(webhook_url, webhook_secret, api_version=endpoint_api_version)
        self.refresh_endpoints()

    def _wire(self, world: World) -> None:
        world.on_event = self.deliverer.offer
        world.endpoints_for = lambda type_: sum(
            endpoint.enabled and endpoint.livemode == world.livemode and endpoint.listens(type_)
            for endpoint in self.deliverer.endpoints
        )
        world.listeners = {
            "intent": [invoices.follow_intent, checkout.follow_intent],
            "invoice": [subscriptions.follow_invoice],
            "customer_deleted": [billing_clock.end_with_customer],
            "endpoints": [lambda _, __: self.refresh_endpoints()],
        }

    def _render(self, event: Event, version: str | None) -> str | None:
        if version is None or version == event.api_version:
            return event.text()
        if not versions.is_sent(event.type, event.object_id, version):
            return None
        if versions.is_current(version):
            return event.text(version)
        world = self.worlds[event.livemode]
        data = json.loads(event.data)
        previous = versions.shaped_previous(
            data["object"], data.get("previous_attributes"), version
        )
        shaped = versions.shaped(world, data["object"], version)
        return replace(event, data=encode_data(shaped, previous)).text(version)

    @property
    def url(self) -> str:
        """The address to give as ``base_addresses={"api": …}``."""
        if self._server is None:
            raise RuntimeError("The stand-in isn't serving: use it as a context manager.")
        return f"http://{HOST}:{self._server.server_port}"

    @property
    def base_addresses(self) -> dict[str, str]:
        """The ``base_addresses`` of ``stripe.StripeClient``."""
        return {"api": self.url, "files": self.url, "connect": self.url}

    def start(self) -> Self:
        """Serve on 127.0.0.1."""
        refuse_production()
        server = self._server = Server(self._port, self)
        self._spawn("standin-server", lambda: server.serve_forever(0.01))
        if self._state is not None and self._autosave > 0:
            self._spawn("standin-autosave", self._save_regularly)
        return self

    def _spawn(self, name: str, target: Any) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _save_regularly(self) -> None:
        if self._run:
            self.save()  # the run's number, so that the one after a SIGKILL gives other ids
        while not self._stopping.wait(self._autosave):
            if self.api_side.changed:
                self.save()

    def stop(self) -> None:
        """Stop serving and delivering, and save the state."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
            self._server = None
        self.deliverer.stop()
        for thread in self._threads:
            thread.join(timeout=2.0)
        if self._state is not None:
            self.save()

    def __enter__(self) -> Self:
        """Start serving."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def save(self) -> bool:
        """Write the state file now; false without one."""
        if self._state is None:
            return False
        self.api_side.changed = False
        persistence.save(self._state, self.api_side, self.clock, self._run)
        return True

    def api(self, method: str, path: str, params: Mapping[str, Any] | None = None) -> Obj:
        """An API call within the process: a copy of its answer, or :class:`ApiError`.

        ``s.api("POST", "/v1/customers", {"email": "ada@example.com"})``
        """
        return self.api_side.call(self.world, method, path, params or {})

    def state(self) -> Obj:
        """Where things stand: time, cursor, and how many objects of each kind there are."""
        with self.world.lock:
            return {
                "now": self.clock.now,
                "clock_is_set": self.clock.frozen is not None,
                "cursor": self.cursor,
                "held": len(self.deliverer.held),
                "objects": {
                    kind: len(collection)
                    for kind, collection in self.world.collections.items()
                    if len(collection)
                },
            }

    def api_http(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the server answers under ``/v1/``."""
        return self.api_side.respond(method, target, headers, body)

    def control_http(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """What the server answers under ``/_control/``."""
        return control.respond(self, method, target, headers, body)
