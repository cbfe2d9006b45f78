"""Files: orders out as CSV, orders in."""

from __future__ import annotations

import time
import tracemalloc

from django.db import connection
from django.test import Client
from django.urls import reverse

from bench.capabilities.pages import browser
from bench.registry import Figure, Measured, capability
from bench.timing import alternating
from orders.exports import order_columns
from orders.models import Order

RUNS = 3


@capability(
    "CSV of all orders",
    "The download from the list of orders, read to its end",
    "≥ 0.5 × the rate of COPY of the same query; first byte < 300 ms; memory flat",
)
def orders_out() -> Measured:
    client: Client = browser()
    first_bytes: list[float] = []

    def ours() -> None:
        began = time.perf_counter()
        response = client.post(reverse("admin:orders_order_export"))
        for number, block in enumerate(response):
            if number == 1 and block:  # the first one is the head alone
                first_bytes.append(1000 * (time.perf_counter() - began))

    plain = Order.objects.order_by("-placed_at", "-id").values_list(
        *(column.value for column in order_columns() if column.value)
    )
    sql, parameters = plain.query.sql_with_params()

    def limit() -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", parameters) as copy,
        ):
            for _ in copy:
                pass

    times, limits = alternating(ours, limit, RUNS)
    tracemalloc.start()
    ours()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rows = Order.objects.count()
    measured = Measured(
        unit="rows/s",
        ours=Figure.of([rows / one for one in times]),
        limit=Figure.of([rows / one for one in limits]),
        limit_is="COPY of the same columns, as they are, read to its end",
        detail={"first byte, ms": Figure.of(first_bytes).median, "peak MB": peak / 1e6},
    )
    measured.met = (measured.ratio or 0) >= 0.5 and Figure.of(first_bytes).median < 300
    return measured
