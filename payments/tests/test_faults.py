"""Kill and restart things in the middle: nothing is lost, nothing happens twice."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from auditlog.models import AuditEvent
from config import start as database
from config.tests.processes import BASE_DIR, WEBHOOK_SECRET, Running, environment, start
from orders.models import Order, Product
from payments import changes, inbox
from payments.changes import Changes
from payments.models import Charge, Customer, Source, StripeEvent
from payments.processing import BATCH, drain
from payments.replay import verify
from payments.tests import stripe_events as make
from payments.tests.stripe_events import body, event
from payments.tests.test_webhook import signature


def payments_of(numbers: Iterable[int], product: str = "tea") -> list[dict[str, Any]]:
    """Paid checkouts: a session, an intent and a charge each."""
    return [
        payload
        for i in numbers
        for payload in (
            event(
                "checkout.session.completed",
                make.checkout_session(
                    f"cs_{i}",
                    payment_intent=f"pi_{i}",
                    line_items=make.line_items((product, 1, 5000)),
                ),
            ),
            event(
                "payment_intent.succeeded", make.payment_intent(f"pi_{i}", latest_charge=f"ch_{i}")
            ),
            event("charge.succeeded", make.charge(f"ch_{i}", payment_intent=f"pi_{i}")),
        )
    ]


@contextmanager
def holding(lock: str) -> Iterator[None]:
    """Hold what the statement locks, on a connection of its own."""
    session = connection.copy()
    try:
        session.set_autocommit(False)
        session.cursor().execute(lock)
        yield
    finally:
        session.close()


def waits_for_a_lock() -> bool:
    """Whether anybody in this database does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    worker: Callable[..., Running],
) -> None:
    teas, cups = BATCH // 3 + 1, 20  # the cups are sold in the second batch
    Product.objects.create(
        sku="cup", stripe_product_id="cup", name="Cup", stock=50, created_at=timezone.now()
    )
    inbox.store(payments_of(range(teas)), Source.LISTED)
    inbox.store(payments_of(range(teas, teas + cups), "cup"), Source.LISTED)
    first = worker()
    with holding("SELECT FROM orders_product WHERE sku = 'cup' FOR UPDATE"):
        inbox.wake()
        first.wait_for(waits_for_a_lock, "waiting for the cups")
        first.kill()
        statuses = StripeEvent.objects.values_list("status", flat=True)
        assert Counter(statuses) == {"processed": BATCH, "received": 3 * (teas + cups) - BATCH}
    drain()
    assert set(StripeEvent.objects.values_list("status", "attempts")) == {("processed", 1)}
    assert Order.objects.filter(status="paid").count() == teas + cups
    assert AuditEvent.objects.filter(action="order.paid").count() == teas + cups
    assert Product.objects.get(sku="cup").stock == 50 - cups
    assert list(verify()) == []


@pytest.mark.django_db(transaction=True)
def test_a_database_restarted_in_a_burst_loses_and_doubles_nothing(
    server_root: Path, processes: list[Running]
) -> None:
    server = database.start("burst", root=server_root)
    url = database.database_url(server)
    env = environment({"DATABASE_URL": url})
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=BASE_DIR, env=env, check=True
    )
    from config.tests.processes import answers, loopback_socket

    listening = loopback_socket()
    web = start(
        "gunicorn",
        [
            "-m",
            "gunicorn",
            "config.wsgi",
            "--bind",
            f"fd://{listening.fileno()}",
        ],
        env,
        listening,
    )
    processes.append(web)
    work = start("worker", ["manage.py", "worker"], env)
    processes.append(work)
    web.wait_for(lambda: answers(web.url, "/readyz") == 200, "ready")

    orders = 60
    events = payments_of(range(orders))
    tries = 0

    def send() -> None:
        """As Stripe does: again and again until it is answered with 200."""
        nonlocal tries
        place = urlsplit(web.url)
        for payload in map(body, events):
            header = signature(payload, secret=WEBHOOK_SECRET)
            while True:
                tries += 1
                client = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
                client.request("POST", "/stripe/webhook/", payload, {"Stripe-Signature": header})
                status = client.getresponse().status
                client.close()
                if status == 200:
                    break
                assert status == 503, status
                time.sleep(0.05)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    web.wait_for(lambda: tries > 30, "taking events")
    assert database.stop("burst", root=server_root)
    assert sender.is_alive()
    server.start()
    sender.join(120)
    assert not sender.is_alive()

    def count(sql: str) -> int:
        with psycopg.connect(
            host=str(server.get_postmaster_info().socket_dir), user="postgres"
        ) as client:
            row = client.execute(sql).fetchone()
            assert row is not None
            return int(row[0])

    work.wait_for(
        lambda: count("SELECT count(*) FROM payments_stripeevent WHERE status <> 'processed'") == 0,
        "done",
    )
    assert count("SELECT count(*) FROM payments_stripeevent") == len(events)
    assert count("SELECT count(*) FROM orders_order WHERE status = 'paid'") == orders
    assert count("SELECT count(*) FROM orders_ordertransition") == orders


@pytest.mark.django_db(transaction=True)
def test_an_event_whose_handler_raises_fails_alone_and_leaves_its_trace() -> None:
    def handler(batch: Changes) -> None:
        if "cus_13" in batch.of(Customer):
            raise ZeroDivisionError("thirteen")

    changes.on_change(handler)
    try:
        inbox.store(
            [event("customer.created", make.customer(f"cus_{i}")) for i in range(40)], Source.LISTED
        )
        done = drain()
    finally:
        changes._handlers.remove(handler)
    assert (done.processed, done.failed) == (39, 1)
    row = StripeEvent.objects.get(status="failed")
    assert (row.object_id, row.error, row.attempts) == ("cus_13", "ZeroDivisionError: thirteen", 1)
    assert not Customer.objects.filter(id="cus_13").exists()


@pytest.mark.django_db
def test_a_failed_event_is_tried_again_with_backoff_and_is_dead_in_the_end(settings: Any) -> None:
    settings.STRIPE_MAX_ATTEMPTS = 3
    inbox.store([event("charge.succeeded", make.charge(amount=None))], Source.LISTED)
    waits = []
    for attempt in range(1, 4):
        drain()
        row = StripeEvent.objects.get()
        assert row.attempts == attempt
        assert drain().total == 0, "not before its time"
        waits.append(row.not_before)
        StripeEvent.objects.update(not_before=row.received_at)
    assert row.status == "dead"
    assert waits[2] - waits[0] > waits[1] - waits[0]
    drain()
    assert StripeEvent.objects.get().attempts == 3


@pytest.mark.django_db
def test_a_dead_event_is_retried_by_hand_and_that_is_audited(settings: Any) -> None:
    settings.STRIPE_MAX_ATTEMPTS = 1
    inbox.store([event("charge.succeeded", make.charge(amount=None))], Source.LISTED)
    drain()
    row = StripeEvent.objects.get()
    assert row.status == "dead"
    assert inbox.retry([row.pk], reason="mended") == 1
    assert StripeEvent.objects.get().status == "received"
    entry = AuditEvent.objects.get(action="event.retry")
    assert (entry.reason, entry.after["events"]) == ("mended", [row.stripe_id])


@pytest.mark.django_db(transaction=True)
def test_a_crash_after_the_mirror_and_before_the_end_leaves_nothing_half_done() -> None:
    class Crash(BaseException):
        """Not an error that anything catches: the process is gone."""

    def handler(batch: Changes) -> None:
        raise Crash

    inbox.store([event("charge.succeeded", make.charge())], Source.LISTED)
    changes.on_change(handler)
    try:
        with pytest.raises(Crash):
            drain()
    finally:
        changes._handlers.remove(handler)
    assert not Charge.objects.exists()
    assert StripeEvent.objects.get().attempts == 0
    assert drain().processed == 1
    with transaction.atomic():
        assert Charge.objects.get().amount == 5000
