"""Pages: how long the server takes to answer, beside the same statements run bare.

Requests go through the whole of the application but the network: middleware, permissions, view,
template. The limit is what the database alone takes for the page's statements.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench.registry import Figure, Measured, capability
from bench.timing import percentile, repeated, statement
from orders.models import Order

REQUESTS = 20
LARGE = 20_000  # rows: to read all of such a table for one page doesn't go on for long
LIMIT_IS = "the page’s own statements, run bare"
BUDGETS = {"executive": (25, 50, 12)}
WEEK = "?from={first}&to={last}&currency=usd"

# By name: address and query; a function where it depends on what there is.
DASHBOARD = {
    "executive": ("dashboard", ""),
    "operations": ("operations", ""),
    "products": ("products", ""),
    "subscriptions": ("subscriptions", ""),
    "money": ("money", ""),
    "reconciliation": ("reconciliation", ""),
    "reconciliation, its rows": (
        "reconciliation-rows",
        WEEK + "&step=settlement&residual=fees",
    ),
    "net sales, its rows": ("rows:net_sales", WEEK),
    "money, its rows": ("money-rows", WEEK + "&line=fee:stripe_fee"),
    "exports": ("exports", ""),
}
ORDER_LISTS = {
    "orders": "",
    "orders, paid ones": "?status=paid",
    "orders, refunded ones": "?refund_status=full",
    "orders, page 100": "?p=100",
    "orders, search by number": "?q={number}",
    "orders, search by e-mail": "?q={email}",
    "orders, search by tracking number": "?q={tracking_number}",
    "orders, search by payment": "?q={payment}",
}


def browser() -> Client:
    """A signed-in superuser's."""
    user, _ = User.objects.get_or_create(
        username="bench", defaults={"is_superuser": True, "is_staff": True}
    )
    client = Client()
    client.force_login(user)
    return client


def newest_order() -> Order:
    """One that has everything: paid, sent, with a payment."""
    return Order.objects.filter(status="fulfilled", source="stripe").order_by("-placed_at", "-id")[
        0
    ]


def addresses() -> Iterator[tuple[str, Callable[[], str]]]:
    """Every page by name, with what says its address."""
    for name, (view, query) in DASHBOARD.items():
        yield name, partial(dashboard_address, view, query)
    for name, query in ORDER_LISTS.items():
        yield name, partial(order_list_address, query)
    yield "order", lambda: newest_order().get_absolute_url()
    for model in sorted(admin.site._registry, key=lambda one: one._meta.label):
        if model is not Order:
            yield f"list of {model._meta.label_lower}", partial(list_address, model)


def dashboard_address(view: str, query: str) -> str:
    today = timezone.now().date()
    days = {"first": today - timedelta(days=6), "last": today}
    name, _, key = view.partition(":")
    return reverse(name, kwargs={"key": key} if key else {}) + query.format(**days)


def order_list_address(query: str) -> str:
    order = newest_order()
    given = {
        "number": order.number,
        "email": order.email,
        "tracking_number": order.tracking_number,
        "payment": order.payment_intent_id,
    }
    return reverse("admin:orders_order_changelist") + query.format(**given)


def list_address(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def measure_page(name: str, address: Callable[[], str]) -> Measured:
    """Server time of one page, its statements, and what they read."""
    client, url = browser(), address()

    def ask() -> None:
        response = client.get(url)
        if response.status_code != 200:
            raise AssertionError(f"{url} answered {response.status_code}")
        if response.streaming:
            b"".join(response)

    ask()
    with CaptureQueriesContext(connection) as captured:
        ask()
    sent = [str(query["sql"]) for query in captured.captured_queries]
    reads = [sql for sql in sent if re.match(r"\s*(SELECT|WITH)\b", sql, re.IGNORECASE)]
    began = time.process_time()
    ours = [1000 * one for one in repeated(ask, REQUESTS)]
    python = 1000 * (time.process_time() - began) / (len(ours) + 1)
    limit = [1000 * one for one in repeated(statement(*reads), REQUESTS)] if reads else []
    scans = sorted({scan for sql in reads for scan in sequential_scans(sql)})
    p95 = percentile(ours, 95)
    figure = Figure.of(ours)
    p50_limit, p95_limit, most_queries = BUDGETS.get(name, (None, 150, None))
    met = p95 <= p95_limit and not scans
    if p50_limit and most_queries:
        met = met and figure.median <= p50_limit and len(sent) <= most_queries
    return Measured(
        unit="ms",
        ours=figure,
        limit=Figure.of(limit) if limit else None,
        limit_is=LIMIT_IS,
        met=met,
        detail={
            "p95": p95,
            "of it Python’s": python,
            "queries": len(sent),
            "sequential scans": scans,
        },
    )


def sequential_scans(sql: str) -> set[str]:
    """The large tables that the statement reads from end to end, by its plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql.replace('%', '%%')}", ())
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    found: set[str] = set()

    def look(node: dict[str, Any]) -> None:
        if node.get("Node Type") == "Seq Scan":
            found.add(str(node["Relation Name"]))
        for child in node.get("Plans", []):
            look(child)

    look(plan[0]["Plan"])
    return found & large_tables()


def large_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= %s", [LARGE]
        )
        return {name for (name,) in cursor.fetchall()}


for page_name, page_address in addresses():
    capability(
        f"page: {page_name}",
        "Server time of the page, its whole answer",
        "p50 ≤ 25 ms, p95 ≤ 50 ms, ≤ 12 queries; ≤ 1.2 × its time at 10 k orders"
        if page_name in BUDGETS
        else "p95 ≤ 150 ms; no sequential scan of a large table",
    )(partial(measure_page, page_name, page_address))
