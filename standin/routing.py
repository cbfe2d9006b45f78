"""Which path does what: every endpoint with its permission and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import balance as balances
from . import (
    billing_clock,
    catalog,
    charges,
    checkout,
    customers,
    disputes,
    endpoints,
    expansion,
    invoice_items,
    invoices,
    listing,
    parameters,
    payments,
    payouts,
    refunds,
    subscription_changes,
    subscriptions,
)
from .errors import ApiError, Obj, missing_parameter
from .keys import READ, WRITE
from .params import Params, boolean, mapping, merged_metadata, refuse_unknown, sequence, text
from .world import World, list_of

Handler = Callable[[World, str, Params], Obj]


@dataclass(frozen=True)
class Route:
    """One endpoint; ``known`` are its parameters, ``None`` where it checks them itself."""

    method: str
    parts: tuple[str, ...]
    handler: Handler
    resource: str
    access: str
    known: frozenset[str] | None


def _collection(create: Callable[[World, Params], Obj]) -> Handler:
    return lambda world, _, params: create(world, params)


def _member(kind: str, act: Callable[[World, Obj, Params], Obj]) -> Handler:
    return lambda world, id_, params: act(world, world.get(kind, id_), params)


def _plain(kind: str, act: Callable[[World, Obj], Obj]) -> Handler:
    return lambda world, id_, params: act(world, world.get(kind, id_))


def _retrieve(kind: str) -> Handler:
    def handle(world: World, id_: str, params: Params) -> Obj:
        left = world.deleted.get(id_)
        if left is not None and kind in ("customer", "product"):
            return left
        if kind == "balance_transaction":
            balances.mature(world)
        return world.get(kind, id_)

    return handle


def _list(kind: str) -> Handler:
    return lambda world, _, params: listing.list_objects(world, kind, params)


def _update_charge(world: World, charge: Obj, params: Params) -> Obj:
    changes: dict[str, Any] = {"metadata": merged_metadata(charge["metadata"], params)}
    for name in ("description", "receipt_email", "customer"):
        if name in params:
            changes[name] = text(params, name)
    if "fraud_details" in params:
        changes["fraud_details"] = mapping(params, "fraud_details")
    return charges.update_charge(world, charge, changes)


def _pay_invoice(world: World, invoice: Obj, params: Params) -> Obj:
    if boolean(params, "paid_out_of_band"):
        if invoice["status"] == "draft":
            invoices.finalize(world, invoice)
        return invoices.mark_paid(world, invoice)
    token = text(params, "payment_method")
    if token is None and invoices.payment_token(world, invoice) is None:
        raise missing_parameter("payment_method")
    return invoices.pay(world, invoice, token, raises=True)


def _finalize(world: World, invoice: Obj, params: Params) -> Obj:
    return invoices.finalize(world, invoice)


def _delete_invoice(world: World, invoice: Obj, params: Params) -> Obj:
    if invoice["status"] != "draft":
        raise ApiError(400, "You can only delete draft invoices.")
    left = world.remove(invoice)
    world.emit("invoice.deleted", invoice)
    return left


def _session_items(world: World, session: Obj, params: Params) -> Obj:
    items = world.notes[session["id"]]["line_items"]
    window = listing.window_of(params)
    ids = [item["id"] for item in items]
    start = ids.index(window.starting_after) + 1 if window.starting_after in ids else 0
    page = items[start : start + window.limit]
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return list_of(url, page, start + window.limit < len(items))


def _invoice_lines(world: World, invoice: Obj, params: Params) -> Obj:
    lines = invoice["lines"]["data"]
    window = listing.window_of(params)
    ids = [line["id"] for line in lines]
    start = ids.index(window.starting_after) + 1 if window.starting_after in ids else 0
    page = lines[start : start + window.limit]
    return list_of(invoice["lines"]["url"], page, start + window.limit < len(lines))


def _charge_refunds(world: World, charge: Obj, params: Params) -> Obj:
    return listing.list_objects(world, "refund", {**params, "charge": charge["id"]})


def _subscription_items(world: World, _: str, params: Params) -> Obj:
    id_ = text(params, "subscription")
    if id_ is None:
        raise missing_parameter("subscription")
    items: Obj = world.get("subscription", id_, "subscription")["items"]
    return items


def _account(world: World, _: str, params: Params) -> Obj:
    settings = world.settings
    return {
        "id": settings.account_id,
        "object": "account",
        "business_profile": {"name": settings.account_name, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": settings.country,
        "created": 1_700_000_000,
        "default_currency": settings.settlement[0],
        "details_submitted": True,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "dashboard": {"display_name": settings.account_name, "timezone": "Etc/UTC"},
            "payouts": {"schedule": {"delay_days": settings.settle_days, "interval": "daily"}},
        },
        "type": "standard",
    }


def _routes() -> list[Route]:
    routes: list[Route] = []

    def add(
        method: str,
        path: str,
        handler: Handler,
        resource: str,
        known: frozenset[str] | None = None,
        access: str | None = None,
    ) -> None:
        parts = tuple(path.strip("/").split("/"))
        level = access or (READ if method == "GET" else WRITE)
        routes.append(Route(method, parts, handler, resource, level, known))

    def readable(kind: str, resource: str) -> str:
        path = listing.url_of(kind)
        add("GET", path, _list(kind), resource)
        add("GET", f"{path}/:id", _retrieve(kind), resource, parameters.NONE)
        return path

    p = parameters
    path = readable("customer", "customer")
    add("POST", path, _collection(customers.create), "customer", p.CUSTOMER)
    add("POST", f"{path}/:id", _member("customer", customers.update), "customer", p.CUSTOMER)
    add("DELETE", f"{path}/:id", _plain("customer", customers.delete), "customer", p.NONE)
    path = readable("product", "product")
    add("POST", path, _collection(catalog.create_product), "product", p.PRODUCT)
    add("POST", f"{path}/:id", _member("product", catalog.update_product), "product", p.PRODUCT)
    add("DELETE", f"{path}/:id", _plain("product", catalog.delete_product), "product", p.NONE)
    path = readable("price", "plan")
    add("POST", path, _collection(catalog.create_price), "plan", p.PRICE)
    add("POST", f"{path}/:id", _member("price", catalog.update_price), "plan", p.PRICE_UPDATE)
    path = readable("coupon", "coupon")
    add("POST", path, _collection(catalog.create_coupon), "coupon", p.COUPON)
    add("POST", f"{path}/:id", _member("coupon", catalog.update_coupon), "coupon", p.COUPON_UPDATE)
    add("DELETE", f"{path}/:id", _plain("coupon", catalog.delete_coupon), "coupon", p.NONE)

    kind = resource = "payment_intent"
    path = readable(kind, resource)
    add("POST", path, _collection(payments.create), resource, p.PAYMENT_INTENT)
    add("POST", f"{path}/:id", _member(kind, payments.update), resource, p.PAYMENT_INTENT)
    add("POST", f"{path}/:id/confirm", _member(kind, payments.confirm), resource, p.CONFIRM)
    add("POST", f"{path}/:id/capture", _member(kind, payments.capture), resource, p.CAPTURE)
    add("POST", f"{path}/:id/cancel", _member(kind, payments.cancel), resource, p.CANCEL_INTENT)
    path = readable("charge", "charge")
    add("POST", f"{path}/:id", _member("charge", _update_charge), "charge", p.CHARGE_UPDATE)
    add("GET", f"{path}/:id/refunds", _member("charge", _charge_refunds), "charge")
    path = readable("refund", "refund")
    add("POST", path, _collection(refunds.create), "refund", p.REFUND)
    add("POST", f"{path}/:id", _member("refund", refunds.update), "refund", p.METADATA)
    add("POST", f"{path}/:id/cancel", _plain("refund", refunds.cancel), "refund", p.NONE)
    path = readable("dispute", "dispute")
    add("POST", f"{path}/:id", _member("dispute", disputes.update), "dispute", p.DISPUTE)
    add("POST", f"{path}/:id/close", _plain("dispute", disputes.close), "dispute", p.NONE)
    readable("balance_transaction", "balance_transaction_source")
    add("GET", "/v1/balance", lambda world, _, __: balances.balance(world), "balance", p.NONE)
    path = readable("payout", "payout")
    add("POST", path, _collection(payouts.create), "payout", p.PAYOUT)
    add("POST", f"{path}/:id", _member("payout", payouts.update), "payout", p.METADATA)
    cancel = _plain("payout", lambda world, payout: payouts.move(world, payout, "canceled"))
    add("POST", f"{path}/:id/cancel", cancel, "payout", p.NONE)

    kind, resource = "checkout.session", "checkout_session"
    path = readable(kind, resource)
    add("POST", path, _collection(checkout.create), resource, p.SESSION)
    add("POST", f"{path}/:id", _member(kind, checkout.update), resource, p.METADATA)
    add("POST", f"{path}/:id/expire", _plain(kind, checkout.expire), resource, p.NONE)
    add("GET", f"{path}/:id/line_items", _member(kind, _session_items), resource)
    kind = resource = "subscription"
    path = readable(kind, resource)
    change, end = subscription_changes.update, subscriptions.cancel
    add("POST", path, _collection(subscriptions.create), resource, p.SUBSCRIPTION)
    add("POST", f"{path}/:id", _member(kind, change), resource, p.SUBSCRIPTION_UPDATE)
    add("DELETE", f"{path}/:id", _member(kind, end), resource, p.SUBSCRIPTION_CANCEL)
    add("POST", f"{path}/:id/resume", _plain(kind, billing_clock.resume), resource, p.RESUME)
    add("GET", "/v1/subscription_items", _subscription_items, resource)
    kind = resource = "invoice"
    path = readable(kind, resource)
    add("POST", path, _collection(invoices.create), resource, p.INVOICE)
    add("POST", f"{path}/:id", _member(kind, invoices.update), resource, p.INVOICE)
    add("DELETE", f"{path}/:id", _member(kind, _delete_invoice), resource, p.NONE)
    add("GET", f"{path}/:id/lines", _member(kind, _invoice_lines), resource)
    add("POST", f"{path}/:id/pay", _member(kind, _pay_invoice), resource, p.INVOICE_PAY)
    add("POST", f"{path}/:id/finalize", _member(kind, _finalize), resource)
    add("POST", f"{path}/:id/void", _plain(kind, invoices.void), resource, p.NONE)
    uncollectible = _plain(kind, invoices.mark_uncollectible)
    add("POST", f"{path}/:id/mark_uncollectible", uncollectible, resource, p.NONE)
    readable("invoice_payment", "invoice")
    path = readable("invoiceitem", "invoice")
    add("POST", path, _collection(invoice_items.create), "invoice", p.INVOICE_ITEM)

    add("GET", "/v1/events", lambda w, _, params: listing.list_events(w, params), "event")
    add("GET", "/v1/events/:id", lambda w, id_, _: listing.retrieve_event(w, id_), "event")
    resource = "webhook"
    path = readable("webhook_endpoint", resource)
    member = _member("webhook_endpoint", endpoints.update)
    add("POST", path, _collection(endpoints.create), resource, p.ENDPOINT)
    add("POST", f"{path}/:id", member, resource, p.ENDPOINT)
    add("DELETE", f"{path}/:id", _plain("webhook_endpoint", endpoints.delete), resource, p.NONE)
    add("GET", "/v1/account", _account, "accounts_kyc_basic", p.NONE)
    return routes


_TABLE: dict[tuple[str, int], list[Route]] = {}
for _route in _routes():
    _TABLE.setdefault((_route.method, len(_route.parts)), []).append(_route)


def find(method: str, path: str) -> tuple[Route, str]:
    """The endpoint of a path and the id in it; 404 for what Stripe doesn't have either."""
    parts = tuple(path.strip("/").split("/"))
    for route in _TABLE.get((method, len(parts)), ()):
        id_ = ""
        for given, wanted in zip(parts, route.parts, strict=True):
            if wanted == ":id":
                id_ = given
            elif given != wanted:
                break
        else:
            return route, id_
    message = f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs."
    raise ApiError(404, message, saved=False)


def perform(world: World, route: Route, id_: str, params: Params) -> Obj:
    """Carry a request out; the object of its answer, expanded as asked."""
    if route.known is not None:
        refuse_unknown(params, route.known)
    result = route.handler(world, id_, params)
    paths = sequence(params, "expand")
    return expansion.expand(world, result, paths) if paths else result
