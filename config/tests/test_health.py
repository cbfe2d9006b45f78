"""``/healthz`` says that the process lives, ``/readyz`` whether it can serve."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.tests.processes import BASE_DIR
from payments.models import StripeEvent


def waiting_event(minutes: int, status: str = StripeEvent.Status.RECEIVED) -> None:
    then = timezone.now() - timedelta(minutes=minutes)
    StripeEvent.objects.create(
        stripe_id=f"evt_{minutes}",
        source="webhook",
        type="charge.succeeded",
        object_type="charge",
        object_id="ch_1",
        livemode=False,
        as_of=then,
        payload={},
        received_at=then,
        not_before=then,
        status=status,
        processed_at=then if status == StripeEvent.Status.PROCESSED else None,
    )


def test_the_process_is_healthy_without_a_database(client: Client) -> None:
    # No database is allowed in this test, and any use of it would fail.
    response = client.get("/healthz", headers={"host": "10.0.0.1"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_when_migrated(client: Client) -> None:
    response = client.get("/readyz", headers={"host": "10.0.0.1"})
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "oldest_waiting_event_seconds": 0}


@pytest.mark.django_db
def test_ready_tells_how_long_the_oldest_event_waits(client: Client) -> None:
    waiting_event(30, StripeEvent.Status.PROCESSED)
    waiting_event(5)
    waiting_event(2)
    assert client.get("/readyz").json()["oldest_waiting_event_seconds"] == pytest.approx(
        300, abs=60
    )


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_to_be_applied(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations)"
        )
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unready", "reason": "1 migrations to apply"}


def test_not_ready_without_a_database() -> None:
    script = (
        "import django; django.setup(); from django.test import Client; "
        "response = Client().get('/readyz'); print(response.status_code, response.json())"
    )
    output = subprocess.check_output(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nowhere",
            "DATABASE_POOL_MAX": "0",
        },
        cwd=BASE_DIR,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert output.strip() == "503 {'status': 'unready', 'reason': 'no database'}"
