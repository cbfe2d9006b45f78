"""The state of one mode (test or live): objects, notes about them, events, balances."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from threading import RLock
from typing import Any

from . import versions
from .clock import Clock
from .currencies import DEFAULT_RATES
from .errors import Obj, no_such
from .events import Event, EventLog, encode_data, encode_request, previous_attributes
from .ids import IdFactory
from .store import Collection

API_VERSION = "2026-10-28.endive"


def _subscription_of(invoice: Obj) -> str | None:
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    value: str | None = details.get("subscription")
    return value


def _paid_intent(payment: Obj) -> str | None:
    value: str | None = payment["payment"].get("payment_intent")
    return value


# Kind of object → the fields that lists filter by through an index.
INDEXES: dict[str, dict[str, Callable[[Obj], Any]]] = {
    "customer": {"email": itemgetter("email")},
    "product": {},
    "price": {"product": itemgetter("product")},
    "coupon": {},
    "discount": {},
    "payment_intent": {"customer": itemgetter("customer")},
    "charge": {
        "payment_intent": itemgetter("payment_intent"),
        "customer": itemgetter("customer"),
    },
    "refund": {"charge": itemgetter("charge"), "payment_intent": itemgetter("payment_intent")},
    "dispute": {"charge": itemgetter("charge"), "payment_intent": itemgetter("payment_intent")},
    "balance_transaction": {"source": itemgetter("source"), "type": itemgetter("type")},
    "payout": {},
    "checkout.session": {
        "payment_intent": itemgetter("payment_intent"),
        "subscription": itemgetter("subscription"),
        "customer": itemgetter("customer"),
    },
    "subscription": {"customer": itemgetter("customer")},
    "invoice": {"customer": itemgetter("customer"), "subscription": _subscription_of},
    "invoiceitem": {"customer": itemgetter("customer")},
    "invoice_payment": {"invoice": itemgetter("invoice"), "payment_intent": _paid_intent},
    "setup_intent": {},
    "webhook_endpoint": {},
}


@dataclass
class Settings:
    """What an account is like; both modes share one."""

    api_version: str = API_VERSION
    settlement: tuple[str, ...] = ("usd",)
    rates: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_RATES))
    fee_percent: str = "2.9"
    fee_fixed: int = 30
    dispute_fee_usd: str = "15.00"
    settle_days: int = 2
    payout_destination: str = "ba_1StandIn0000000000000000"
    async_capture: bool = False
    dunning_days: tuple[int, ...] = (3, 5, 7)
    dunning_end: str = "canceled"
    account_id: str = "acct_1StandIn00000000"
    account_name: str = "Stand-in"
    country: str = "US"


@dataclass
class RequestContext:
    """The request on whose behalf state changes; none for what Stripe does by itself."""

    id: str | None = None
    idempotency_key: str | None = None


def _nobody(_: Event) -> None:
    return None


class World:
    """The objects of one mode. All access is under ``lock``."""

    def __init__(
        self, *, livemode: bool, clock: Clock, ids: IdFactory, settings: Settings, lock: RLock
    ) -> None:
        self.livemode = livemode
        self.clock = clock
        self.ids = ids
        self.settings = settings
        self.lock = lock
        self.log = EventLog()
        self.context = RequestContext()
        self.collections: dict[str, Collection[Obj]] = {
            kind: Collection(
                itemgetter("id"),
                itemgetter("start" if kind == "discount" else "created"),
                indexes,
            )
            for kind, indexes in INDEXES.items()
        }
        self.deleted: dict[str, Obj] = {}
        self.kinds: dict[str, str] = {}
        # What Stripe knows and doesn't show: outcomes to come, a transaction's payout, …
        self.notes: dict[str, Obj] = {}
        self.balances: dict[str, dict[str, int]] = {}
        self.maturing: list[tuple[int, str]] = []
        self.unpaid: dict[str, dict[str, None]] = {}
        self.by_payout: dict[str, list[str]] = {}
        self.due: list[tuple[int, int, str, str]] = []
        self.next_outcomes: dict[str, list[Obj]] = {}
        self.counters: dict[str, int] = {}
        # Called with the world and the object: "intent" after money moved or failed to,
        # "invoice" once it is paid or a payment of it failed.
        self.listeners: dict[str, list[Callable[[World, Obj], None]]] = {}
        self.on_event: Callable[[Event], None] = _nobody
        self.endpoints_for: Callable[[str], int] = lambda _: 0

    @property
    def now(self) -> int:
        """The time of what happens now."""
        return self.clock.now

    def of(self, kind: str) -> Collection[Obj]:
        """The objects of one kind."""
        return self.collections[kind]

    def get(self, kind: str, id_: str, param: str = "id") -> Obj:
        """The object; 404 (or 400, when ``param`` names it) ``resource_missing``."""
        found = self.collections[kind].items.get(id_)
        if found is None:
            raise no_such(kind, id_, param)
        return found

    def find(self, id_: str) -> Obj | None:
        """Any object by its id, deleted ones as Stripe shows them."""
        kind = self.kinds.get(id_)
        if kind is None:
            return self.deleted.get(id_)
        return self.collections[kind].items.get(id_)

    def add(self, obj: Obj, note: Mapping[str, Any] | None = None) -> Obj:
        """Keep a new object, and what isn't shown of it."""
        id_ = obj["id"]
        self.collections[obj["object"]].add(obj)
        self.kinds[id_] = obj["object"]
        if note:
            self.notes[id_] = dict(note)
        return obj

    def note(self, id_: str) -> Obj:
        """What isn't shown of an object, to read and to change."""
        return self.notes.setdefault(id_, {})

    def change(self, obj: Obj, **values: Any) -> Obj:
        """Set fields of an object; answers the ``previous_attributes`` of the change."""
        before = {key: obj.get(key) for key in values}
        obj.update(values)
        self.collections[obj["object"]].changed(obj)
        return previous_attributes(before, values)

    def remove(self, obj: Obj) -> Obj:
        """Delete an object for good; answers what is left of it."""
        id_ = obj["id"]
        self.collections[obj["object"]].remove(id_)
        self.kinds.pop(id_, None)
        self.deleted[id_] = {"id": id_, "object": obj["object"], "deleted": True}
        return self.deleted[id_]

    def emit(self, type_: str, obj: Obj, previous: Obj | None = None) -> Event | None:
        """An event about ``obj`` as it is now, kept and handed to the webhooks.

        It has the shape of the account's version; ``None`` where that has no such event.
        """
        version = self.settings.api_version
        object_id = str(obj.get("id", ""))
        if not versions.is_current(version):
            if not versions.is_sent(type_, object_id, version):
                return None
            previous = versions.shaped_previous(obj, previous, version)
            obj = versions.shaped(self, obj, version)
        event = Event(
            id=self.ids.new("evt_"),
            type=type_,
            created=self.now,
            api_version=version,
            livemode=self.livemode,
            data=encode_data(obj, previous),
            request=encode_request(self.context.id, self.context.idempotency_key),
            object_id=object_id,
            position=self.log.end,
            pending_webhooks=self.endpoints_for(type_),
        )
        self.log.append(event)
        self.on_event(event)
        return event

    def update(self, obj: Obj, type_: str, **values: Any) -> None:
        """Change fields and say so in one event; nothing happens when nothing differs."""
        previous = self.change(obj, **values)
        if previous:
            self.emit(type_, obj, previous)

    def notify(self, name: str, obj: Obj) -> None:
        """Tell those who follow an intent or an invoice."""
        for listener in self.listeners.get(name, ()):
            listener(self, obj)

    def count(self, name: str) -> int:
        """The next number of a counter, from 1."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]

    def take_outcome(self, kind: str) -> Obj | None:
        """The outcome that was ordered for the next operation of this kind, if any."""
        queue = self.next_outcomes.get(kind)
        return queue.pop(0) if queue else None

    def schedule(self, at: int, action: str, id_: str) -> None:
        """Have ``action`` done to an object when the clock reaches ``at``."""
        heapq.heappush(self.due, (at, self.count("due"), action, id_))


def list_of(url: str, data: Iterable[Obj], has_more: bool = False) -> Obj:
    """Stripe's list object."""
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}
