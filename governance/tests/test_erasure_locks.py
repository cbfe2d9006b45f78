"""Erasing waits for whoever processes the person's objects before it holds anything itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from governance.erasure import Erased, erase_customer
from governance.tests.test_erasure import ADDRESS, WHO, tell
from payments import inbox
from payments.models import Charge
from payments.processing import claim, process
from payments.pseudonyms import is_pseudonym
from payments.tests import stripe_events as make

pytestmark = pytest.mark.django_db(transaction=True)


def erase() -> Erased:
    try:
        return erase_customer("cus_z", reason="asked for")
    finally:
        connections.close_all()


def wait_until_somebody_waits() -> None:
    """For what this connection's transaction holds."""
    for _ in range(400):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_a_worker_in_the_middle_of_the_persons_events_ends_first() -> None:
    charge = make.charge("ch_z", customer="cus_z", payment_intent="pi_z", billing_details=WHO)
    tell(
        make.event("customer.created", make.customer("cus_z")),
        make.event("charge.succeeded", charge),
    )
    assert Charge.objects.get().email == ADDRESS
    refunded = {**charge, "amount_refunded": 100}
    inbox.receive(make.body(make.event("charge.updated", refunded, created=make.NOW + 1)))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            claimed, _ = claim(10)
            assert claimed
            erased = pool.submit(erase)
            wait_until_somebody_waits()
            process(claimed)
        assert erased.result().total
    charge_left = Charge.objects.get()
    assert is_pseudonym(charge_left.email)
    assert charge_left.amount_refunded == 100
