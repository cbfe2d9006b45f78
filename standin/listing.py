"""Lists: paging, ``created`` ranges and the filters of each resource."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from .balance import mature
from .errors import ApiError, Obj, bad_parameter, invalid, no_such, unknown_parameter
from .events import RETENTION, Event
from .params import Params, boolean, integer, mapping, sequence, text
from .store import Window
from .world import INDEXES, World, list_of

_PAGING = frozenset({"limit", "starting_after", "ending_before", "expand", "created"})

# Kind → the parameters that filter its list by equality.
FILTERS: dict[str, tuple[str, ...]] = {
    "customer": ("email",),
    "product": ("active", "shippable", "url", "type"),
    "price": ("active", "currency", "product", "type"),
    "coupon": (),
    "payment_intent": ("customer",),
    "charge": ("customer", "payment_intent", "transfer_group"),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
    "balance_transaction": ("source", "type", "currency"),
    "payout": ("status", "destination"),
    "checkout.session": ("payment_intent", "subscription", "customer", "status", "payment_link"),
    "subscription": ("customer", "collection_method"),
    "invoice": ("customer", "subscription", "status", "collection_method"),
    "invoiceitem": ("customer", "invoice"),
    "invoice_payment": ("invoice", "status"),
    "webhook_endpoint": (),
}
URLS: dict[str, str] = {
    "checkout.session": "/v1/checkout/sessions",
    "invoiceitem": "/v1/invoiceitems",
}
_FLAGS = ("active", "shippable")


def url_of(kind: str) -> str:
    """The path of a resource."""
    return URLS.get(kind, f"/v1/{kind}s")


def window_of(params: Params) -> Window:
    """The page and the range of ``created`` that a list is asked for."""
    limit = integer(params, "limit", 10, minimum=1)
    assert limit is not None
    if limit > 100:
        message = "This value must be less than or equal to 100."
        raise bad_parameter(message, "limit", "parameter_invalid_integer")
    after, before = text(params, "starting_after"), text(params, "ending_before")
    if after and before:
        message = "You can only use one of starting_after and ending_before."
        raise bad_parameter(message, "ending_before", "parameters_exclusive")
    since, until = _range(params, "created")
    return Window(limit, after, before, since, until)


def _range(params: Params, name: str) -> tuple[int | None, int | None]:
    value = params.get(name)
    if value is None or value == "":
        return None, None
    if not isinstance(value, dict):
        at = integer(params, name)
        return at, None if at is None else at + 1
    for key in value:
        if key not in ("gt", "gte", "lt", "lte"):
            raise unknown_parameter(f"{name}[{key}]")
    since, until = integer(value, "gte"), integer(value, "lt")
    above, upto = integer(value, "gt"), integer(value, "lte")
    if above is not None:
        since = above + 1 if since is None else max(since, above + 1)
    if upto is not None:
        until = upto + 1 if until is None else min(until, upto + 1)
    return since, until


def _check_cursor(world: World, kind: str, window: Window) -> None:
    for param in ("starting_after", "ending_before"):
        id_ = getattr(window, param)
        if id_ is not None and id_ not in world.of(kind).items:
            raise no_such(kind, id_, param)


def _equals(name: str, wanted: Any) -> Callable[[Obj], bool]:
    return lambda obj: bool(obj.get(name) == wanted)


def list_objects(world: World, kind: str, params: Params) -> Obj:
    """One page of a resource, newest first."""
    window = window_of(params)
    _check_cursor(world, kind, window)
    indexed: dict[str, Hashable] = {}
    checks: list[Callable[[Obj], bool]] = []
    extra = _EXTRA.get(kind, {})
    for name in params:
        if name in _PAGING:
            continue
        if name in extra:
            check = extra[name](params)
            if check is not None:
                checks.append(check)
        elif name not in FILTERS[kind]:
            raise unknown_parameter(name)
        else:
            value = boolean(params, name) if name in _FLAGS else text(params, name)
            if name in INDEXES[kind]:
                indexed[name] = value
            else:
                checks.append(_equals(name, value))
    if kind == "invoice_payment":
        payment = mapping(params, "payment")
        if "payment_intent" in payment:
            indexed["payment_intent"] = payment["payment_intent"]
    if kind == "subscription" and "status" not in params:
        checks.append(lambda obj: obj["status"] != "canceled")
    if kind == "balance_transaction":
        mature(world)
        if text(params, "payout"):
            return _payout_transactions(world, params, window)
    accept = (lambda obj: all(check(obj) for check in checks)) if checks else None
    found, more = world.of(kind).page(window, indexed, accept)
    return list_of(url_of(kind), found, more)


def _payout_transactions(world: World, params: Params, window: Window) -> Obj:
    payout = world.get("payout", str(params["payout"]), "payout")
    if not payout["automatic"]:
        raise invalid(
            "Balance transaction history can only be filtered on automatic transfers, not manual.",
            "payout",
        )
    items = world.of("balance_transaction").items
    wanted = {name: params[name] for name in FILTERS["balance_transaction"] if name in params}
    held = [items[id_] for id_ in reversed(world.by_payout.get(payout["id"], []))]
    held = [
        item
        for item in held
        if all(item[name] == value for name, value in wanted.items())
        and (window.since is None or item["created"] >= window.since)
        and (window.until is None or item["created"] < window.until)
    ]
    ids = [item["id"] for item in held]
    start, stop = 0, len(held)
    if window.starting_after in ids:
        start = ids.index(str(window.starting_after)) + 1
    if window.ending_before in ids:
        stop = ids.index(str(window.ending_before))
        first = max(stop - window.limit, 0)
        return list_of(url_of("balance_transaction"), held[first:stop], first > 0)
    page = held[start : start + window.limit]
    return list_of(url_of("balance_transaction"), page, start + window.limit < stop)


def _ignored(_: Params) -> Callable[[Obj], bool] | None:
    return None


def _subscription_status(params: Params) -> Callable[[Obj], bool] | None:
    status = text(params, "status")
    if status == "all":
        return None
    if status == "ended":
        return lambda obj: obj["status"] in ("canceled", "incomplete_expired")
    return _equals("status", status)


def _subscription_price(params: Params) -> Callable[[Obj], bool] | None:
    price = text(params, "price")
    return lambda obj: any(item["price"]["id"] == price for item in obj["items"]["data"])


def _in_list(param: str, field: str) -> Callable[[Params], Callable[[Obj], bool] | None]:
    def build(params: Params) -> Callable[[Obj], bool] | None:
        wanted = set(sequence(params, param))
        return lambda obj: obj[field] in wanted

    return build


def _arrival(params: Params) -> Callable[[Obj], bool] | None:
    since, until = _range(params, "arrival_date")

    def check(obj: Obj) -> bool:
        at = obj["arrival_date"]
        return (since is None or at >= since) and (until is None or at < until)

    return check


def _recurring(params: Params) -> Callable[[Obj], bool] | None:
    wanted = mapping(params, "recurring")
    return lambda obj: all((obj["recurring"] or {}).get(k) == v for k, v in wanted.items())


def _session_email(params: Params) -> Callable[[Obj], bool] | None:
    email = text(mapping(params, "customer_details"), "email")
    return lambda obj: (obj["customer_details"] or {}).get("email") == email


_EXTRA: dict[str, dict[str, Callable[[Params], Callable[[Obj], bool] | None]]] = {
    "balance_transaction": {"payout": _ignored},
    "checkout.session": {"customer_details": _session_email},
    "invoice_payment": {"payment": _ignored},
    "payout": {"arrival_date": _arrival},
    "price": {"lookup_keys": _in_list("lookup_keys", "lookup_key"), "recurring": _recurring},
    "product": {"ids": _in_list("ids", "id")},
    "subscription": {"status": _subscription_status, "price": _subscription_price},
}


def list_events(world: World, params: Params) -> Obj:
    """``/v1/events``: the last 30 days, by ``type`` or ``types[]`` (a ``*`` may end one)."""
    for name in params:
        if name not in _PAGING and name not in ("type", "types", "delivery_success"):
            raise unknown_parameter(name)
    window = window_of(params)
    events = world.log.collection
    for param in ("starting_after", "ending_before"):
        id_ = getattr(window, param)
        if id_ is not None and id_ not in events.items:
            raise no_such("event", id_, param)
    oldest = world.now - RETENTION
    window = Window(
        window.limit,
        window.starting_after,
        window.ending_before,
        max(window.since or oldest, oldest),
        window.until,
    )
    types = [str(name) for name in sequence(params, "types")]
    single = text(params, "type")
    if single and types:
        raise bad_parameter("Use type or types, not both.", "types", "parameters_exclusive")
    if single and not single.endswith("*"):
        found, more = events.page(window, {"type": single})
    else:
        wanted = [single] if single else types
        found, more = events.page(window, None, _type_check(wanted) if wanted else None)
    return list_of("/v1/events", (event.as_dict() for event in found), more)


def _type_check(wanted: list[str]) -> Callable[[Event], bool]:
    exact = frozenset(name for name in wanted if not name.endswith("*"))
    prefixes = tuple(name[:-1] for name in wanted if name.endswith("*"))
    return lambda event: event.type in exact or (bool(prefixes) and event.type.startswith(prefixes))


def retrieve_event(world: World, id_: str) -> Obj:
    """``/v1/events/:id``: 404 once it is older than 30 days."""
    event = world.log.collection.items.get(id_)
    if event is None or event.created < world.now - RETENTION:
        raise ApiError(404, f"No such event: '{id_}'", code="resource_missing", param="id")
    return event.as_dict()
