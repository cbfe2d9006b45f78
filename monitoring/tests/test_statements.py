"""A run costs the same number of statements, however many rows there are and however many break
rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from monitoring.models import CheckRun, Issue
from monitoring.registry import WHOLE
from monitoring.services.runs import run_checks
from monitoring.tests.anomalies import ANOMALIES
from monitoring.tests.multiply import APPS, Copies

MANY = 10_000


@pytest.mark.django_db
def test_statements_grow_neither_with_rows_nor_with_anomalies(
    queries: Any, settings: Settings
) -> None:
    settings.ALERT_URLS = []  # an anomaly may set it; it is as it was after the test

    def run(copies_of_each: int) -> tuple[CheckRun, int, int]:
        """The run over so many copies of every anomaly, how many of its issues are about one row
        of a table, and how many statements it took."""
        before = transaction.savepoint()
        copies = Copies()
        for anomaly in ANOMALIES.values():
            anomaly.make()
            copies.take(copies_of_each)
        copies.put()
        with queries() as captured:
            run = run_checks()
        of_tables = Issue.objects.filter(subject_type__regex=rf"^({'|'.join(APPS)})\.")
        about_rows = of_tables.exclude(subject_id=WHOLE).count()
        transaction.savepoint_rollback(before)
        return run, about_rows, len(captured)

    few, about_rows, statements = run(1)
    many, _, statements_of_many = run(-(-MANY // about_rows))
    assert (few.crashed, many.crashed) == (0, 0), many.results
    assert 10 <= few.found < 1_000
    assert many.found >= MANY
    assert statements_of_many == statements
