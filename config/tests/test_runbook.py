"""The runbook's made parts."""

from __future__ import annotations

import pytest

from config import runbook
from monitoring.registry import CRASHED, all_checks


def test_every_check_and_every_job_stands_in_it_between_the_marks() -> None:
    written = runbook.path().read_text(encoding="utf-8")
    assert runbook.document(written) == written
    for check in (*all_checks(), CRASHED):
        assert f"\n### {check.name}\n" in written
        assert check.remedy in written
        # Somebody changed it by hand.
        assert runbook.document(written.replace(check.meaning, "Nothing.")) == written
    assert "| each Sunday at 04:41 | `restore_drill` |" in written
    assert "*Replay the event*" in written


def test_a_place_that_is_not_marked_is_refused() -> None:
    written = runbook.path().read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no place marked for its schedule"):
        runbook.document(written.replace("<!-- schedule end -->", ""))


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "each minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("7 * * * *", "each hour at 07 past"),
        ("41 2 * * *", "each day at 02:41"),
        ("41 4 * * 0", "each Sunday at 04:41"),
        ("0 3 1 * *", "`0 3 1 * *`"),
        ("0 8-17 * * *", "`0 8-17 * * *`"),
        ("5,35 * * * *", "`5,35 * * * *`"),
    ],
)
def test_when_a_job_runs_is_said_in_words_where_that_is_simple(cron: str, words: str) -> None:
    assert runbook.when(cron) == words
