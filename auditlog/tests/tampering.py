"""Changes to the audit log that neither Django nor its triggers get to see."""

from __future__ import annotations

from typing import Any

from django.db import connection

from auditlog import sealing
from auditlog.actions import register
from auditlog.context import Actor, acting_as
from auditlog.services import record

ACT = register("test.acted", "Something was done in a test.", "n.*")
EVENTS, SEALS = "auditlog_auditevent", "auditlog_auditseal"


def behind_its_back(*statements: str, **parameters: Any) -> None:
    """What somebody does who may do everything in the database."""
    with connection.cursor() as cursor:
        for table in (EVENTS, SEALS):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement, parameters or None)
        for table in (EVENTS, SEALS):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def act(times: int) -> list[int]:
    """The ids of so many rows more."""
    with acting_as(Actor(name="olive", address="192.0.2.7", request_id="req-12345678")):
        return [
            record(ACT, reason=str(n), before={"n": n}, after={"n": n + 1}).pk for n in range(times)
        ]


def acts_and_seals(seals: int, rows: int) -> list[list[int]]:
    """The ids of the rows of so many new seals."""
    made = []
    for _ in range(seals):
        made.append(act(rows))
        assert sealing.seal() >= rows
    return made
