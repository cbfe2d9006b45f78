"""A page of the dashboard is of one state of the database, whatever is committed meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from analyticsapp.kpis import KPIS
from analyticsapp.services import snapshots
from config.tests.lively import lively_shop
from config.tests.rows import build
from config.tests.test_dashboard_pages import addresses
from monitoring.tests.ledgers import charge, moved, order
from orders.models import OrderLine

pytestmark = pytest.mark.django_db(transaction=True)
_numbers = count(10_000)
# What differs from one moment to the next though nothing has changed.
PASSING = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')

DEFINED = re.compile(r'"/dashboard/kpis/#([^"]*)"')


def elsewhere(work: Callable[[], Any]) -> None:
    """Do it on another connection, and commit."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result(timeout=60)


def trade(now: datetime) -> None:
    """A sale, an order and their transaction, with all figures counted anew."""
    number = f"{next(_numbers)}"
    charge(number, 77_700, now)
    moved(number, 77_700, now, fee=770)
    one = order(f"B-{number}", 77_700, now, number)
    build(OrderLine, order=one, position=1, product=None, quantity=1, total_minor=77_700, taken=0)
    snapshots.build([now.date()], now=now)


def test_a_page_shows_nothing_of_what_is_committed_while_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lively_shop()
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="a-long-test-password"))
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    traded: list[str] = []

    def page(address: str) -> bytes:
        response = client.get(address)
        if response.status_code == 200 and not response.streaming:
            # Whatever it explains is in the registry.
            assert set(DEFINED.findall(response.content.decode())) <= set(KPIS), address
        return PASSING.sub(b"", response.content) if response.status_code == 200 else b""

    def trade_after_the_first_look(execute: Any, sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        # What the page is about, not who asks for it.
        if not traded and re.search(r"\b(analyticsapp|monitoring|orders|payments)_", sql):
            traded.append(sql)
            elsewhere(lambda: trade(now))
        return found

    moving = set()
    for name, address in addresses().items():
        before = page(address)
        traded.clear()
        with connection.execute_wrapper(trade_after_the_first_look):
            meanwhile = page(address)
        assert meanwhile == before, address
        if traded and page(address) != before:
            moving.add(name)
    # Of these it is seen, as they show the trade when it is over.
    assert moving >= {
        "dashboard", "money", "operations", "products", "reconciliation", "rows",
    }  # fmt: skip
