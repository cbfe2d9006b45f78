"""``manage.py export``: the same files, for programs and cron."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from analyticsapp.exports import PACKS, Scope, all_exports
from analyticsapp.tests.files import content, header, parsed
from analyticsapp.tests.shop import order
from auditlog.models import AuditEvent
from config.tests.processes import environment
from orders.models import Order

pytestmark = pytest.mark.django_db


def export(*arguments: str) -> tuple[str, str]:
    """What it says, to its output and beside it."""
    out, err = StringIO(), StringIO()
    call_command("export", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def sold() -> Any:
    now = timezone.now()
    return [order(now - timedelta(days=days), 100) for days in (100, 50, 20, 0)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((), 2), (("--days", "60"), 3), (("--all",), 4), (("--all", "--currency", "jpy"), 0)],
)
def test_a_file_of_the_days_that_were_asked_for(
    tmp_path: Path, sold: Any, arguments: tuple[str, ...], expected: int
) -> None:
    file = tmp_path / "orders.csv"
    _, said = export("orders", *arguments, "--out", str(file))
    assert len(parsed(file.read_bytes())) == expected
    assert said.startswith(f"{expected} rows, ")
    assert [one.name for one in tmp_path.iterdir()] == ["orders.csv"]
    after = AuditEvent.objects.get(action="analytics.exported").after
    assert (after["outcome"], after["rows"]) == ("complete", expected)
    assert AuditEvent.objects.latest("id").actor_name == "job:export"


def test_days_can_be_named(tmp_path: Path, sold: Any) -> None:
    day = (timezone.now() - timedelta(days=50)).date().isoformat()
    file = tmp_path / "orders.csv"
    export("orders", "--from", day, "--to", day, "--out", str(file))
    assert [row["number"] for row in parsed(file.read_bytes())] == [sold[1].number]


def test_without_a_file_it_goes_to_the_terminal(sold: Any, capfdbinary: Any) -> None:
    export("orders", "--all", "--pii")
    written = capfdbinary.readouterr().out
    assert written == content("orders", Scope(personal=True))
    assert header("orders", Scope(personal=True))[0] == "number"


def test_a_pack_as_files_and_as_a_zip(tmp_path: Path, sold: Any) -> None:
    folder, file = tmp_path / "new" / "finance", tmp_path / "finance.zip"
    export("finance", "--all", "--out", str(folder))
    export("finance", "--all", "--zip", "--out", str(file))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    names = {f"{one.name}.csv" for one in all_exports().values() if one.pack.name == "finance"}
    assert {one.name for one in folder.iterdir()} == names | {"manifest.json"}
    with zipfile.ZipFile(file) as archive:
        for one in manifest["files"]:
            assert archive.read(one["name"]) == (folder / one["name"]).read_bytes()
    forms = AuditEvent.objects.filter(action="analytics.exported").order_by("id")
    assert [event.after["form"] for event in forms] == ["files", "zip"]


def test_the_list_names_every_pack_and_export() -> None:
    out, _ = export("--list")
    words = out.replace(":", " ").split()
    assert {*PACKS, *all_exports()} <= {*words}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "no export or pack"),
        (("nothing",), "no export or pack 'nothing'"),
        (("finance",), "--out FOLDER, or --zip"),
        (("orders", "--zip"), "--zip is for packs"),
        (("orders", "--all", "--days", "3"), "one of them"),
        (("orders", "--days", "0"), "from 1 to"),
        (("orders", "--from", "2026-02-30"), "no date"),
        (("orders", "--from", "2999-01-01"), "begun"),
        (("orders", "--currency", "euro"), "no currency"),
        (("orders", "--out", "/nowhere/orders.csv"), "No such file"),
        (("orders", "--out", "/tmp"), "is a folder"),
    ],
)
def test_what_it_cant_do_it_says(arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        export(*arguments)
    # What was begun for it has ended, and says how.
    begun = AuditEvent.objects.filter(action="analytics.export_started").count()
    ended = AuditEvent.objects.filter(action="analytics.exported")
    assert [event.after["outcome"] for event in ended] == ["aborted"] * begun


@pytest.mark.django_db(transaction=True)
def test_one_that_is_killed_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    now = timezone.now()
    Order.objects.bulk_create(
        Order(
            number=f"A-{n}",
            source="shop",
            currency="eur",
            total_minor=n,
            placed_at=now,
            created_at=now,
        )
        for n in range(2000)
    )
    file, part = tmp_path / "orders.csv", tmp_path / "orders.csv.part"
    os.mkfifo(part)  # which holds less than they are, so that it waits in the middle
    running = subprocess.Popen(
        [sys.executable, "manage.py", "export", "fact_orders", "--out", str(file)],
        cwd=settings.BASE_DIR,
        env=environment(),
    )
    with part.open("rb") as reading:
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        sent = reading.read()
    assert not file.exists()
    assert sent.count(b"\n") < 2000
    assert [event.action for event in AuditEvent.objects.all()] == ["analytics.export_started"]
