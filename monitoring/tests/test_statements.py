"""A run costs the same number of statements, however many rows there are and however many break
rules."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from monitoring.services.runs import run_checks
from monitoring.tests.anomalies import ANOMALIES
from monitoring.tests.multiply import Copies

MANY = 10_000


@pytest.mark.django_db
def test_statements_grow_neither_with_rows_nor_with_anomalies(
    queries: Any, settings: Settings
) -> None:
    settings.ALERT_URLS = []  # an anomaly may set it; it is as it was after the test

    def run(copies_of_each: int) -> tuple[int, int]:
        """How many issues a run opens over so many copies of every anomaly, and how many
        statements that takes."""
        before = transaction.savepoint()
        copies = Copies()
        for anomaly in ANOMALIES.values():
            anomaly.make()
            copies.take(copies_of_each)
        copies.put()
        with queries() as captured:
            run = run_checks()
        transaction.savepoint_rollback(before)
        assert not run.crashed, run.results
        return run.opened, len(captured)

    few, statements = run(1)
    more, of_more = run(3)
    each = (more - few) / 2  # what is about a table as a whole stays one
    many, of_many = run(ceil(1.1 * MANY / each))  # some of many are one story, told once
    assert 10 <= few < 1_000
    assert many >= MANY
    assert statements == of_more == of_many
