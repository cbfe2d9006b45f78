"""Control: webhooks, events, faults, keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, cast

from . import endpoints, forgetting
from .api import copied
from .base import Base
from .errors import Obj, invalid
from .faults import Fault
from .webhooks import Mode


class DeliveryControl(Base):
    """Operations on the wire between Stripe and the shop."""

    def add_webhook(
        self,
        url: str,
        secret: str | Sequence[str],
        *,
        enabled_events: list[str] | None = None,
        api_version: str | None = None,
    ) -> Obj:
        """Send events to ``url`` from now on; several secrets while one is rotated.

        An endpoint that has the URL already is set anew.
        """
        secrets = [secret] if isinstance(secret, str) else list(secret)
        with self.world.lock:
            self.api_side.changed = True
            for known in self.world.of("webhook_endpoint").items.values():
                if known["url"] == url:
                    self.set_webhook(
                        known["id"],
                        secrets=secrets,
                        enabled_events=enabled_events or ["*"],
                        api_version=api_version,
                    )
                    return cast(Obj, copied(known))
            endpoint = endpoints.add_endpoint(
                self.world,
                url,
                secrets,
                enabled_events=enabled_events,
                api_version=api_version,
            )
            self.refresh_endpoints()
            return cast(Obj, copied(endpoint))

    def set_webhook(
        self,
        endpoint: str,
        *,
        secrets: list[str] | None = None,
        enabled_events: list[str] | None = None,
        api_version: str | None = "",
        disabled: bool | None = None,
    ) -> Obj:
        """Change an endpoint, also what the API doesn't change; ``""`` leaves the version."""
        with self.world.lock:
            self.api_side.changed = True
            found = self.world.get("webhook_endpoint", endpoint)
            if secrets is not None:
                self.world.note(endpoint)["secrets"] = list(secrets)
            if enabled_events is not None:
                found["enabled_events"] = list(enabled_events)
            if api_version != "":
                found["api_version"] = api_version
            if disabled is not None:
                found["status"] = "disabled" if disabled else "enabled"
            self.refresh_endpoints()
            return cast(Obj, copied(found))

    def refresh_endpoints(self) -> None:
        """Take the endpoints of both modes over into the deliveries."""
        self.deliverer.endpoints = [
            endpoints.as_target(world, endpoint)
            for world in self.api_side.worlds.values()
            for endpoint in world.of("webhook_endpoint").items.values()
        ]

    def webhook_mode(
        self,
        *,
        hold: bool = False,
        duplicates: int = 0,
        delay: float = 0.0,
        wrong_secret: bool = False,
        stale: bool = False,
        drop: bool = False,
        types: Sequence[str] = ("*",),
        limit: int | None = None,
    ) -> None:
        """How events are delivered from now on; with no arguments as they should be.

        ``hold`` keeps them until :meth:`flush`, ``drop`` never sends them (both leave them
        listable), ``duplicates`` sends each that many times more, ``delay`` is in seconds,
        ``wrong_secret`` and ``stale`` (an hour old) spoil the signature. ``types`` are
        patterns such as ``charge.*``; after ``limit`` events the mode ends by itself.
        """
        self.deliverer.mode = Mode(
            hold=hold,
            duplicates=duplicates,
            delay=delay,
            wrong_secret=wrong_secret,
            stale=stale,
            drop=drop,
            types=tuple(types),
            limit=limit,
        )

    def flush(self, *, shuffle: bool = False, limit: int | None = None) -> int:
        """Deliver what was held (all of it or the first few); answers how many."""
        return self.deliverer.flush(shuffle=shuffle, limit=limit)

    def discard_held(self) -> int:
        """Never deliver what was held; answers how many those were."""
        return self.deliverer.discard_held()

    def wait_idle(self, timeout: float = 30.0) -> bool:
        """Wait until every delivery and retry is answered; whether that came in time."""
        return self.deliverer.wait_idle(timeout)

    def deliveries(self, event: str | None = None) -> list[Obj]:
        """The log of delivery attempts with their status codes (0: no answer), oldest first."""
        return [
            asdict(attempt)
            for attempt in list(self.deliverer.attempts)
            if event is None or attempt.event_id == event
        ]

    def redeliver(self, event: str, *, wrong_secret: bool = False, stale: bool = False) -> None:
        """Send an event again, whatever the mode is."""
        with self.world.lock:
            found = self.world.log.collection.items.get(event)
            if found is None:
                raise invalid(f"No such event: '{event}'", "event", "resource_missing")
            self.deliverer.send(found, wrong_secret=wrong_secret, stale=stale)

    def send_event(self, type: str, object: Obj, previous_attributes: Obj | None = None) -> Obj:
        """An event of any type about any object, as it is given; answers the event."""
        with self.world.lock:
            self.api_side.changed = True
            event = self.world.emit(type, object, previous_attributes)
            if event is None:
                raise invalid(f"The account's API version has no {type}.", "type")
            return event.as_dict()

    @property
    def cursor(self) -> int:
        """Where the log of events ends: what comes later is after it."""
        return self.world.log.end

    def forget(self, before: int, keep: Collection[str] = ()) -> int:
        """Let go of events, and of objects that are over, from before a time.

        Not of the customers and payment intents to ``keep``. Answers how many objects that was.
        """
        with self.world.lock:
            return forgetting.forget(self.world, before, set(keep))

    def events_since(
        self, cursor: int = 0, types: Sequence[str] | None = None, limit: int | None = None
    ) -> list[Obj]:
        """The events after a cursor, oldest first; :attr:`cursor` is where they end."""
        with self.world.lock:
            found = self.world.log.since(cursor)
        if types is not None:
            found = [event for event in found if event.type in types]
        return [event.as_dict() for event in found[:limit]]

    def add_fault(
        self,
        status: int | None = None,
        *,
        count: int = 1,
        method: str | None = None,
        path: str = "*",
        after_effect: bool = False,
        drop: bool = False,
        latency: float = 0.0,
        retry_after: int | None = None,
        should_retry: bool | None = None,
        saved: bool = True,
    ) -> None:
        """The next ``count`` matching requests go wrong.

        ``status`` is 429, 500, 503, …; with ``after_effect`` the request takes effect first.
        ``drop`` closes the connection after the effect. ``latency`` waits, in seconds,
        before the effect or ``after_effect``.
        ``path`` is a pattern such as ``/v1/refunds*``. A 500 is ``saved`` for its key.
        """
        fault = Fault(
            status=status,
            count=count,
            method=method,
            path=path,
            after_effect=after_effect,
            drop=drop,
            latency=latency,
            retry_after=retry_after,
            should_retry=should_retry,
            saved=saved,
        )
        with self.world.lock:
            self.api_side.faults.add(fault)

    def clear_faults(self) -> None:
        """Every request works again."""
        with self.world.lock:
            self.api_side.faults.clear()

    def prune_idempotency_keys(self, before: int | None = None) -> int:
        """Forget idempotency keys (made before a real time), as Stripe may after 24 hours."""
        with self.world.lock:
            return self.api_side.idempotency.prune(before)

    def add_key(self, key: str, scopes: dict[str, str] | None = None) -> str:
        """Accept a key. ``rk_`` keys need scopes: ``{"charge": "read", "refund": "write"}``.

        ``*`` stands for every other resource. Names are those in ``rak_charge_read``.
        """
        for level in (scopes or {}).values():
            if level not in ("read", "write", "none"):
                raise invalid(f"A scope is read, write or none, and not {level}.", "scopes")
        with self.world.lock:
            return self.api_side.keys.add(key, scopes).value

    def revoke_key(self, key: str) -> None:
        """Refuse a key from now on: 401."""
        with self.world.lock:
            self.api_side.keys.revoke(key)

    def set_settings(self, **values: Any) -> Obj:
        """Change settings of the account, such as ``api_version`` or ``async_capture``."""
        settings = self.world.settings
        with self.world.lock:
            for name, value in values.items():
                if not hasattr(settings, name):
                    raise invalid(f"No such setting: {name}.", name)
                given = tuple(value) if isinstance(value, list) else value
                setattr(settings, name, given)
            return cast(Obj, copied(asdict(settings)))
