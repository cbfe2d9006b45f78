"""Jobs for the tests of the worker, which its settings there make it know."""

from __future__ import annotations

import time
from pathlib import Path

from django.db import connection
from procrastinate.contrib.django import app

from auditlog.context import current_actor


@app.task(name="tests.be_in_the_middle")
def be_in_the_middle(begun: str, until: str) -> None:
    """Tell that it has begun, and go on until the other file is there."""
    Path(begun).touch()
    while not Path(until).exists():
        time.sleep(0.01)


@app.task(name="tests.hang_once")
def hang_once(marker: str) -> None:
    """Hang at the first run; return at once when run again."""
    path = Path(marker)
    if not path.exists():
        path.write_text("begun")
        time.sleep(300)


@app.task(name="tests.write_down")
def write_down(path: str) -> None:
    """Show that the database answers, and who acts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 40 + 2")
        answer = cursor.fetchone()
    Path(path).write_text(f"{answer and answer[0]} by {current_actor().name}")


# With nothing to be done regularly procrastinate ends a part of its worker and, because of that,
# wouldn't notice when another part fails.
@app.periodic(cron="0 0 1 1 *")
@app.task(name="tests.once_a_year")
def once_a_year(timestamp: int) -> None:
    """Do nothing."""
