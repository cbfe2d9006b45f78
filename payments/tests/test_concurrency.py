"""Many at once: the same event, several workers, observations of one object."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections, transaction

from config.tests.processes import WEBHOOK_SECRET
from orders.models import Order
from payments import changes, inbox
from payments.changes import Changes
from payments.models import Charge, Customer, Source, StripeEvent
from payments.processing import CLAIM, Drained, claim, drain, process
from payments.replay import verify
from payments.tests import stripe_events as make
from payments.tests.stripe_events import NOW, body, event
from payments.tests.test_webhook import signature

pytestmark = pytest.mark.django_db(transaction=True)


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run ``act(0…count-1)`` in threads that start at one moment, each with its own connection."""
    gate = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            gate.wait()
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.fixture
def announced() -> Iterator[Counter[str]]:
    """How often handlers were told of each object."""
    told: Counter[str] = Counter()

    def handler(batch: Changes) -> None:
        for objects in batch.by_model.values():
            told.update(objects.keys())

    changes.on_change(handler)
    yield told
    changes._handlers.remove(handler)


def test_one_event_delivered_20_times_at_once_is_stored_and_has_its_effect_once(
    gunicorn: Callable[..., str], announced: Counter[str]
) -> None:
    place = urlsplit(gunicorn())
    payload = body(event("customer.created", make.customer()))
    header = signature(payload, secret=WEBHOOK_SECRET)

    def deliver(_: int) -> tuple[int, bytes]:
        client = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        client.request("POST", "/stripe/webhook/", payload, {"Stripe-Signature": header})
        response = client.getresponse()
        return response.status, response.read()

    answers = together(20, deliver)
    assert [status for status, _ in answers] == [200] * 20
    assert sum(b'"duplicate": false' in answer for _, answer in answers) == 1
    assert StripeEvent.objects.count() == 1
    drain()
    assert announced == {"cus_1": 1}


def test_all_store_in_one_order_so_that_two_can_not_wait_for_each_other() -> None:
    listed = [event("customer.created", make.customer(), id=f"evt_{n}") for n in (2, 3, 1, 2)]
    assert inbox.store(listed, Source.LISTED) == 3
    stored = StripeEvent.objects.order_by("pk").values_list("stripe_id", flat=True)
    assert [*stored] == ["evt_1", "evt_2", "evt_3"]


def test_workers_never_process_one_event_twice(announced: Counter[str]) -> None:
    count = 1200
    inbox.store(
        [event("customer.created", make.customer(f"cus_{i}")) for i in range(count)], Source.LISTED
    )
    results = together(4, lambda _: drain(batch=40))
    assert sum((r.processed for r in results), 0) == count
    assert set(StripeEvent.objects.values_list("status", "attempts")) == {("processed", 1)}
    assert set(announced.values()) == {1}
    assert len(announced) == count


def test_an_observation_that_changes_nothing_is_told_to_nobody(announced: Counter[str]) -> None:
    for at in range(3):
        inbox.store([event("customer.updated", make.customer(), created=NOW + at)], Source.LISTED)
        drain()
    assert announced == {"cus_1": 1}
    assert Customer.objects.get().as_of.timestamp() == NOW + 2


def test_an_event_in_another_hand_is_passed_over_and_not_waited_for() -> None:
    """The row's own lock: the object's alone would let in who had looked before it was released."""
    inbox.store([event("customer.created", make.customer(f"cus_{i}")) for i in (1, 2)], Source.READ)

    def other(_: int) -> list[str]:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            return [event.object_id for event in claim(10)[0]]

    with transaction.atomic():
        StripeEvent.objects.select_for_update().get(object_id="cus_1")
        assert together(1, other) == [["cus_2"]]


def test_observations_of_one_object_in_two_hands_lose_nothing() -> None:
    """One worker holds the first event of a charge; another may not touch the second one."""
    inbox.store([event("charge.succeeded", make.charge(balance_transaction=None))], Source.LISTED)
    with transaction.atomic():
        first, _ = claim(10)
        process(first)
        inbox_second = event("charge.updated", make.charge(), created=NOW + 1)

        def other(_: int) -> tuple[Drained, bool]:
            inbox.store([inbox_second], Source.LISTED)
            with transaction.atomic():
                second, left = claim(10)
                return process(second), left

        ((done, left),) = together(1, other)
        assert (done.total, left) == (0, True)
    assert drain().processed == 1
    assert Charge.objects.get().balance_transaction_id == "txn_1"


def test_many_observations_of_few_objects_by_many_workers_end_as_by_one() -> None:
    inbox.store(
        [
            event("customer.updated", make.customer(f"cus_{i % 3}", name=f"N{i}"), created=NOW + i)
            for i in range(300)
        ],
        Source.LISTED,
    )
    together(4, lambda _: drain(batch=7))
    assert not StripeEvent.objects.exclude(status="processed").exists()
    assert sorted(Customer.objects.values_list("name", flat=True)) == ["N297", "N298", "N299"]
    assert list(verify()) == []


def test_the_number_of_statements_of_a_batch_does_not_grow(
    django_assert_max_num_queries: Any,
) -> None:
    counts = []
    for size in (5, 200):
        inbox.store(
            [
                payload
                for i in range(size)
                for payload in (
                    event(
                        "charge.succeeded",
                        make.charge(f"ch_{size}_{i}", payment_intent=f"pi_{size}_{i}"),
                    ),
                    event(
                        "payment_intent.succeeded",
                        make.payment_intent(
                            f"pi_{size}_{i}",
                            latest_charge=f"ch_{size}_{i}",
                            metadata={"order": "x"},
                        ),
                    ),
                    event(
                        "refund.created",
                        make.refund(
                            f"re_{size}_{i}",
                            charge=f"ch_{size}_{i}",
                            payment_intent=f"pi_{size}_{i}",
                        ),
                    ),
                )
            ],
            Source.LISTED,
        )
        with django_assert_max_num_queries(1000) as captured:
            assert drain(batch=1000).processed == size * 3
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_claiming_uses_the_index_of_open_events() -> None:
    inbox.store(
        [event("customer.created", make.customer(f"cus_{i}")) for i in range(2000)], Source.LISTED
    )
    drain()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE payments_stripeevent")
        cursor.execute("EXPLAIN " + CLAIM.format(only=""), [500])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "stripeevent_open" in plan


@pytest.mark.parametrize("intent", ["pi_1", None])
@pytest.mark.parametrize("first_kind", ["charge", "refund"])
def test_a_charge_and_its_refund_in_two_hands_both_reach_the_order(
    intent: str | None, first_kind: str
) -> None:
    """Each is blind to what the other hasn't committed; the second one must look again."""
    inbox.store(
        [
            event("checkout.session.completed", make.checkout_session()),
            event("payment_intent.succeeded", make.payment_intent()),
        ],
        Source.LISTED,
    )
    drain()
    told = {
        "charge": event("charge.succeeded", make.charge()),
        "refund": event("refund.created", make.refund(payment_intent=intent)),
    }
    second_kind = "refund" if first_kind == "charge" else "charge"
    inbox.store([told[first_kind]], Source.LISTED)
    started = threading.Event()

    def other() -> None:
        try:
            inbox.store([told[second_kind]], Source.LISTED)
            started.set()
            drain()
        finally:
            connections.close_all()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        claimed, _ = claim(10)
        assert process(claimed).processed == 1
        thread.start()
        started.wait()
        time.sleep(0.3)  # long enough to get through, or to wait for us
    thread.join(60)
    assert not thread.is_alive()
    order = Order.objects.get()
    assert (order.status, order.captured_minor, order.refunded_minor) == ("paid", 5000, 2000)


def test_a_batch_that_needs_more_locks_than_the_server_has_is_tried_in_smaller_ones() -> None:
    inbox.store(
        [event("customer.created", make.customer(f"cus_{i}")) for i in range(40)], Source.LISTED
    )

    def full_lock_table(batch: Changes) -> None:
        if sum(len(objects) for objects in batch.by_model.values()) > 10:
            with connection.cursor() as cursor:
                cursor.execute("DO $$BEGIN RAISE out_of_memory; END$$")

    changes.on_change(full_lock_table)
    try:
        done = drain()
    finally:
        changes._handlers.remove(full_lock_table)
    assert (done.processed, done.failed) == (40, 0)
    assert set(StripeEvent.objects.values_list("attempts", flat=True)) == {1}


def test_draining_ends_only_when_another_workers_events_are_done_too() -> None:
    """Who drains and then looks must find what was in the inbox."""
    inbox.store([event("customer.created", make.customer())], Source.LISTED)
    seen: list[bool] = []

    def other() -> None:
        try:
            drain()
            seen.append(Customer.objects.exists())
        finally:
            connections.close_all()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        claimed, _ = claim(10)
        thread.start()
        time.sleep(0.3)
        process(claimed)
    thread.join(60)
    assert seen == [True]
