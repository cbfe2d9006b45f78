"""From a request to its answer: key, fault, permission, idempotency, effect."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from . import routing
from .errors import ApiError, Obj
from .faults import Fault, Faults
from .forms import parse_form
from .idempotency import IdempotencyKeys, fingerprint
from .ids import IdFactory
from .keys import Key, KeyRing, require
from .world import RequestContext, Settings, World

_ENCODE = json.JSONEncoder(indent=2, ensure_ascii=False).encode


@dataclass
class Answer:
    """What goes back over the wire; nothing at all when ``dropped``."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False


@dataclass(frozen=True)
class Call:
    """A request that was understood."""

    method: str
    path: str
    params: Obj
    key: Key
    route: routing.Route
    id: str
    idempotency_key: str | None
    request_id: str


class Api:
    """Stripe's side of the wire, for both modes."""

    def __init__(
        self,
        *,
        worlds: Mapping[bool, World],
        settings: Settings,
        lock: RLock,
        seed: int = 0,
    ) -> None:
        self.worlds = worlds
        self.settings = settings
        self.lock = lock
        self.keys = KeyRing()
        self.faults = Faults()
        self.idempotency = IdempotencyKeys()
        self.changed = False
        self._request_ids = IdFactory(seed, run=-1)

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to an HTTP request under ``/v1/``."""
        with self.lock:
            request_id = self._request_ids.new("req_", 14)
        version = headers.get("Stripe-Version") or self.settings.api_version
        common = {"Request-Id": request_id, "Stripe-Version": version}
        given = headers.get("Idempotency-Key")
        if given:
            common["Idempotency-Key"] = given
        try:
            answer = self._respond(method, target, headers, body, request_id)
        except ApiError as error:
            answer = _failed(error)
        except Exception:  # The server itself is at fault: say so as Stripe would.
            traceback.print_exc(file=sys.stderr)
            answer = _failed(ApiError(500, "An unknown error occurred", type_="api_error"))
        answer.headers = {**common, **answer.headers}
        return answer

    def _respond(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, request_id: str
    ) -> Answer:
        split = urlsplit(target)
        path = unquote(split.path)
        with self.lock:
            key = self.keys.authenticate(headers.get("Authorization"))
            route, id_ = routing.find(method, path)
            params = parse_form(split.query)
            params.update(parse_form(body.decode()))
            call = Call(
                method=method,
                path=path,
                params=params,
                key=key,
                route=route,
                id=id_,
                idempotency_key=headers.get("Idempotency-Key") if method == "POST" else None,
                request_id=request_id,
            )
            fault = self.faults.take(method, path)
            require(key, route.resource, route.access, self.settings.account_id)
            slot = self._claim(call)
            if isinstance(slot, Answer):
                return slot
        if fault is not None and not fault.after_effect:
            time.sleep(fault.latency)
        with self.lock:
            answer = self._carry_out(call, fault, slot)
        if fault is not None and fault.after_effect:
            time.sleep(fault.latency)
        return answer

    def _claim(self, call: Call) -> Answer | str | None:
        """A saved answer, or the slot to save one in, or nothing without a key."""
        if call.idempotency_key is None:
            return None
        slot = f"{call.key.livemode}:{call.idempotency_key}"
        mark = fingerprint(call.method, call.path, call.params)
        saved = self.idempotency.claim(slot, mark, int(time.time()))
        if saved is None:
            return slot
        headers = {**saved.headers, "Idempotent-Replayed": "true"}
        return Answer(saved.status or 500, saved.body, headers)

    def _carry_out(self, call: Call, fault: Fault | None, slot: str | None) -> Answer:
        error = fault.error() if fault is not None else None
        saved = True
        if error is not None and fault is not None and not fault.after_effect:
            answer, saved = _failed(error), error.saved
        else:
            try:
                answer = Answer(200, self._perform(call))
            except ApiError as refused:
                answer, saved = _failed(refused), refused.saved
            except BaseException:
                if slot is not None:
                    self.idempotency.release(slot)
                raise
            if error is not None:
                answer, saved = _failed(error), error.saved
        if slot is not None:
            if saved:
                headers = {"Original-Request": call.request_id}
                self.idempotency.keep(slot, answer.status, answer.body, headers)
            else:
                self.idempotency.release(slot)
        answer.dropped = fault is not None and fault.drop
        return answer

    def _perform(self, call: Call) -> str:
        world = self.worlds[call.key.livemode]
        world.context = RequestContext(call.request_id, call.idempotency_key)
        if call.method != "GET":
            self.changed = True
        try:
            return _ENCODE(routing.perform(world, call.route, call.id, call.params))
        finally:
            world.context = RequestContext()

    def call(self, world: World, method: str, path: str, params: Mapping[str, Any]) -> Obj:
        """The same within the process: no key, no fault; :class:`ApiError` is raised."""
        with self.lock:
            route, id_ = routing.find(method.upper(), path)
            if route.method != "GET":
                self.changed = True
            result = routing.perform(world, route, id_, params)
            return cast(Obj, copied(result))


def _failed(error: ApiError) -> Answer:
    return Answer(error.status, _ENCODE(error.body()), dict(error.headers))


def copied(obj: Any) -> Any:
    """A copy that later changes don't reach."""
    return json.loads(json.dumps(obj))
