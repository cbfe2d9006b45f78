"""``manage.py reconcile``: what it says, in which format, and how it exits."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from analyticsapp.services import snapshots
from config.tests.processes import BASE_DIR, environment
from monitoring.reconciliation.report import COLUMNS
from monitoring.tests.ledgers import at, charge, moved, order, refund, two_days

pytestmark = pytest.mark.django_db


def run(*arguments: str, exits: int = 0) -> str:
    """What the command writes about 3 and 4 March 2026, unless ``arguments`` say otherwise."""
    out = io.StringIO()
    period = () if "--from" in arguments else ("--from", "2026-03-03", "--to", "2026-03-04")
    if exits:
        with pytest.raises(SystemExit) as stopped:
            call_command("reconcile", *period, *arguments, stdout=out)
        assert stopped.value.code == exits
    else:
        call_command("reconcile", *period, *arguments, stdout=out)
    return out.getvalue()


def sound() -> None:
    """A sale of 100.00 EUR, settled, of which 30.00 went back."""
    charge("1", 10_000, at(3))
    moved("1", 10_000, at(3), fee=300)
    order("A-1", 10_000, at(3), "1")
    refund("2", "1", 3_000, at(3))
    moved("2", -3_000, at(3), "refund", source="re_2")
    snapshots.build_all()


def test_a_sound_day_reads_as_a_statement_and_exits_0() -> None:
    sound()
    assert run().splitlines() == [
        "Reconciliation of 2026-03-03 to 2026-03-04, days in UTC",
        "",
        "2026-03-03 EUR",
        "    Orders                                         100.00",
        "    + Refunds                                      −30.00  1 row",
        "    Charges less refunds                            70.00",
        "    + Fees                                          −3.00  1 row",
        "    Stripe balance                                  67.00",
        "",
        "Every difference has its reason.",
    ]


def test_what_is_to_be_looked_at_is_marked_and_exits_1() -> None:
    two_days()
    text = run(exits=1)
    lines = {line[:51].rstrip(): line[51:].strip() for line in text.splitlines()}
    assert lines[" !  + Payments without an order"] == "40.00  1 row"
    assert lines[" !  + Unknown reporting categories"] == "−7.00  1 row"
    assert lines["    + Payouts"] == "−500.00  1 row"
    assert lines["    + Fees"] == "−2.00  1 row"  # the second day's
    assert "9 differences to look at, marked with !" in text


def test_a_snapshot_that_waits_is_told_below_its_figure() -> None:
    sound()
    order("A-2", 500, at(3))
    text = run(exits=1)
    assert " !    snapshot differs: 5.00 EUR more than Orders snapshot" in text


def test_days_on_which_nothing_moved() -> None:
    assert run().splitlines()[1:] == ["", "Nothing moved on these days."]


def test_days_of_another_zone_say_that_snapshots_are_left_out() -> None:
    sound()
    text = run("--tz", "Asia/Tokyo")
    assert "Snapshots are of days in UTC, so they can’t be compared with days in Asia/Tokyo" in text


def test_json_holds_every_figure_and_residual() -> None:
    two_days()
    told = json.loads(run("--format", "json", exits=1))
    assert (told["from"], told["to"], told["time_zone"]) == ("2026-03-03", "2026-03-04", "UTC")
    assert told["snapshots_compared"]
    euros = next(one for one in told["cells"] if one["currency"] == "eur")
    assert euros["figures"]["balance"] == -25_175
    assert (euros["captured"], euros["refunded"]) == (26_500, 3_000)
    for difference in euros["differences"]:
        assert difference["difference"] == sum(one["amount"] for one in difference["residuals"])
    settlement = euros["differences"][0]
    assert (settlement["step"], settlement["difference"]) == ("settlement", -48_675)
    assert settlement["residuals"][0] == {
        "residual": "fees",
        "name": "Fees",
        "amount": -2_475,
        "rows": 6,
        "look": False,
    }


def test_csv_adds_up_too() -> None:
    two_days()
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv", exits=1))))
    assert list(rows[0]) == list(COLUMNS)
    third = [row for row in rows if (row["day"], row["currency"]) == ("2026-03-03", "eur")]
    figures = {row["line"]: int(row["amount_minor"]) for row in third if row["kind"] == "figure"}
    settlement = [int(row["amount_minor"]) for row in third if row["step"] == "settlement"]
    assert sum(settlement) == figures["balance"] - figures["payments"] == -48_675
    short = next(row for row in third if row["line"] == "amounts_differ")
    assert (short["amount_minor"], short["amount"], short["look"]) == ("-100", "-1.00", "yes")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["2026-03-04", "2026-03-03"], "2026-03-04 is after 2026-03-03"),
        (["2026-02-30", "2026-03-03"], "'2026-02-30' is no date"),
        (["3/3/2026", "2026-03-03"], "'3/3/2026' is no date"),
        (["", "2026-03-03"], "'' is no date"),
        (["0001-01-01", "2026-03-03"], "before Stripe began"),
        (["9999-12-31", "9999-12-31"], "hasn’t begun yet"),
        (["2024-01-01", "2025-06-01"], "more than 366 days"),
        (["2026-03-03", "2026-03-03", "--tz", "Mars/Olympus"], "'Mars/Olympus' is no time zone"),
        (["2026-03-03", "2026-03-03", "--tz", "../../etc/passwd"], "is no time zone"),
    ],
)
def test_bad_input_says_what_is_wrong_and_exits_2(arguments: list[str], words: str) -> None:
    first, last, *more = arguments
    with pytest.raises(CommandError) as refused:
        run("--from", first, "--to", last, *more)
    assert words in str(refused.value)
    assert refused.value.returncode == 2


def test_a_leap_year_is_not_too_long() -> None:
    assert "Nothing moved" in run("--from", "2024-01-01", "--to", "2024-12-31")


def test_what_is_missing_or_unknown_on_the_command_line_exits_2() -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "reconcile", "--from", "2026-03-03"],
        cwd=BASE_DIR,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert "--to" in ended.stderr
