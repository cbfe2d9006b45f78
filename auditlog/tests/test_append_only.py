"""The audit log can be added to and nothing else, and never apart from the write it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from auditlog.context import Actor, acting_as, job
from auditlog.models import AuditEvent
from auditlog.services import Entry, NotInTransaction, record, record_all
from auditlog.tests.tampering import ACT

CHANGES: dict[str, Callable[[], Any]] = {
    "UPDATE": lambda: AuditEvent.objects.update(reason="rewritten"),
    "DELETE": lambda: AuditEvent.objects.all().delete(),
    "TRUNCATE": lambda: connection.cursor().execute("TRUNCATE auditlog_auditevent"),
    "raw UPDATE": lambda: connection.cursor().execute("UPDATE auditlog_auditevent SET action = ''"),
    "raw DELETE": lambda: connection.cursor().execute("DELETE FROM auditlog_auditevent"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses(change: str) -> None:
    event = record("order.paid", reason="as it was")
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        CHANGES[change]()
    assert getattr(refused.value.__cause__, "sqlstate", "") == "P0001"
    assert AuditEvent.objects.get() == event
    assert AuditEvent.objects.get().reason == "as it was"


@pytest.mark.django_db(transaction=True)
def test_a_record_outside_a_transaction_is_refused() -> None:
    with pytest.raises(NotInTransaction):
        record("order.paid")
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_record_goes_with_the_write_that_is_rolled_back() -> None:
    with transaction.atomic():
        record("order.paid")
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_a_record_names_actor_address_request_and_target(operator: Any) -> None:
    actor = Actor(name="olive", user=operator, address="192.0.2.7", request_id="req-12345678")
    with acting_as(actor):
        event = record(ACT, operator, reason="asked", before={"n": 1}, after={"n": 2})
    stored = AuditEvent.objects.get(pk=event.pk)
    assert (stored.actor, stored.actor_name, stored.address) == (operator, "olive", "192.0.2.7")
    assert (stored.target_type, stored.target_id) == ("auth.user", str(operator.pk))
    assert (stored.request_id, stored.before, stored.after) == ("req-12345678", {"n": 1}, {"n": 2})


@pytest.mark.django_db
def test_many_entries_are_one_statement(queries: Any) -> None:
    with acting_as(job("import")), queries() as captured:
        record_all(Entry("order.paid", reason=str(number)) for number in range(500))
    assert len(captured) == 1
    assert AuditEvent.objects.filter(actor_name="job:import").count() == 500
