"""Packs: whole, of one state of the database, in constant memory, and on record, however they
end."""

from __future__ import annotations

import hashlib
import http.client
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, connection
from django.test import Client
from psycopg.errors import DivisionByZero

from analyticsapp.exports import PACKS, Export, Pack, Scope, all_exports, bundle
from analyticsapp.exports.bundle import Archive, Bundle, Torn
from analyticsapp.exports.columns import CURRENCY, key, money, text
from analyticsapp.exports.contract import schema_version
from analyticsapp.exports.export import query
from analyticsapp.exports.registry import FINANCE
from analyticsapp.exports.sending import take, take_pack
from analyticsapp.kpi_document import definitions_version
from analyticsapp.models import DirtyDay, SnapshotState
from analyticsapp.selectors.exports import taken_lately
from analyticsapp.services import snapshots
from analyticsapp.tests.files import content, pack, parsed, unpacked
from analyticsapp.tests.shop import at, charge, order, refund
from auditlog.context import Actor, acting_as
from auditlog.exports import BLOCK, CsvFile, Download, copied
from auditlog.models import AuditEvent
from auditlog.snapshot import snapshot

NOVEMBER = Scope(date(2026, 11, 1), date(2026, 11, 30))
EMPTY = Scope(date(2020, 1, 1), date(2020, 1, 2))
LOCK = 0x6578706F7274  # "export"; any number will do


def generated(rows: int, extra: str = "''") -> Export:
    """An export of so many rows that Postgres makes up."""
    return Export(
        name="generated",
        pack=FINANCE,
        title="Generated",
        meaning="A row.",
        columns=(key("n", ""), text("words", ""), CURRENCY, *money("amount", "")),
        rows=query(
            f"""SELECT n, md5(n::text) || {extra} AS words, 'eur' AS currency, n AS amount_minor
            FROM generate_series(1, {rows}) AS n"""
        ),
        order="n",
    )


def trace(action: str = "analytics.exported") -> AuditEvent:
    return AuditEvent.objects.get(action=action)


def elsewhere(act: Callable[[], Any]) -> Any:
    """What ``act`` gives on another connection, committed."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        return other.submit(run).result()


# The manifest


@pytest.mark.django_db
def test_the_manifest_says_of_each_file_what_is_in_it() -> None:
    paid = charge(10_000, at(2))
    refund(paid, 1_000, at(3))
    order(at(2), 10_000)
    order(at(3), 70, currency="jpy")
    snapshots.refresh(at(24))
    files, manifest = pack("finance", NOVEMBER)
    assert [file["name"] for file in manifest["files"]] == list(files)
    for file in manifest["files"]:
        body = files[file["name"]]
        assert file["sha256"] == hashlib.sha256(body).hexdigest()
        assert file["bytes"] == len(body)
        assert file["rows"] == len(parsed(body))
        sums: dict[str, dict[str, int]] = {}
        for row in parsed(body):
            for name, cell in row.items():
                if name.endswith("_minor") and cell:
                    by = sums.setdefault(name, {})
                    by[row["currency"]] = by.get(row["currency"], 0) + int(cell)
        assert file["sums"] == sums
    assert manifest["files"][0]["sums"]["captured_minor"] == {"eur": 10_000, "jpy": 70}
    assert manifest["files"][1]["sums"] == {"amount_minor": {"eur": 1_000}}


@pytest.mark.django_db
def test_the_manifest_says_what_was_asked_and_how_fresh_it_is() -> None:
    _, fresh = pack("bi")
    assert (fresh["from"], fresh["to"], fresh["figures_as_of"]) == (None, None, None)
    SnapshotState.objects.create(refreshed_at=at(24, 3), time_zone="UTC")
    DirtyDay.objects.create(day=at(2).date(), created_at=at(24))
    _, found = pack("bi", Scope(NOVEMBER.first, NOVEMBER.last, "eur", personal=True))
    taken_at = found.pop("taken_at")
    assert taken_at.endswith("Z")
    found.pop("files")
    assert found == {
        "pack": "bi",
        "schema_version": schema_version(),
        "definitions_version": definitions_version(),
        "from": "2026-11-01",
        "to": "2026-11-30",
        "time_zone": "UTC",
        "currency": "eur",
        "personal_data": True,
        "figures_as_of": "2026-11-24T03:00:00Z",
        "figures_complete": False,
    }
    assert fresh["figures_complete"] is True


@pytest.mark.django_db
def test_the_same_rows_are_the_same_file() -> None:
    for day in (4, 2, 3, 2):
        order(at(day), 100)
    assert content("orders") == content("orders")
    assert b"".join(take(all_exports()["orders"], NOVEMBER)) == content("orders", NOVEMBER)


@pytest.mark.django_db
def test_a_file_that_isnt_what_was_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torn = generated(3)
    monkeypatch.setattr(bundle, "exports_of", lambda _: [torn])
    monkeypatch.setattr(Export, "file", lambda self, scope: CsvFile(["n"], lambda: iter([b"1\n"])))
    with pytest.raises(Torn):
        b"".join(take_pack(FINANCE, NOVEMBER))
    assert trace().after["outcome"] == "failed"


# One state of the database


@pytest.mark.django_db(transaction=True)
def test_what_changes_meanwhile_doesnt_tear_a_pack() -> None:
    paid = charge(10_000, at(2))
    order(at(2), 10_000)
    snapshots.refresh(at(24))
    before = pack("finance", NOVEMBER)
    download = take_pack(PACKS["finance"], NOVEMBER)

    def change() -> None:
        refund(paid, 1_000, at(3))
        order(at(3), 500)
        snapshots.refresh(at(24))

    elsewhere(change)
    files, manifest = unpacked(b"".join(download))
    assert files == before[0]
    assert manifest["files"] == before[1]["files"]
    after = pack("finance", NOVEMBER)
    changed = {name for name in files if files[name] != after[0][name]}
    assert {"orders.csv", "refunds.csv", "revenue.csv"} <= changed


@pytest.mark.django_db(transaction=True)
def test_nothing_can_be_written_while_it_is_read() -> None:
    with pytest.raises(Error, match="read-only"), snapshot():
        DirtyDay.objects.create(day=at(2).date(), created_at=at(2))
    DirtyDay.objects.create(day=at(2).date(), created_at=at(2))  # and afterwards as ever


# How it is sent


@pytest.mark.django_db(transaction=True)
def test_the_first_bytes_are_sent_before_the_last_row_is_made() -> None:
    last = f"CASE WHEN n = 200000 THEN pg_advisory_xact_lock({LOCK})::text END"
    file = CsvFile(
        ["n", "x"], lambda: copied(f"SELECT n, {last} FROM generate_series(1, 200000) AS n", {})
    )
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '5s'")  # rather than hang
    with closing(connection.copy()) as other, other.cursor() as holder:
        holder.execute(f"SELECT pg_advisory_lock({LOCK})")
        download = Download("analytics", file, {})
        first = next(download)
        assert 0 < file.rows < 200_000
        assert len(first) < 2 * BLOCK
        # By now it is on record that it was begun, whatever becomes of this process.
        assert elsewhere(AuditEvent.objects.get).action == "analytics.export_started"
        holder.execute(f"SELECT pg_advisory_unlock({LOCK})")
        assert len(first) + sum(map(len, download)) == file.bytes
    assert file.rows == 200_000


@pytest.mark.django_db
def test_memory_stays_flat_however_long_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "exports_of", lambda _: [generated(200_000)])
    archive = Archive(Bundle(FINANCE, NOVEMBER))
    sent = 0
    tracemalloc.start()
    try:
        for block in archive:
            sent += len(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    file = archive.bundle.taken[0].file
    assert (file.rows, file.bytes > 10_000_000, sent > 4_000_000) == (200_000, True, True)
    assert peak < 1_000_000


# How it ends


@pytest.mark.django_db
def test_what_was_taken_is_on_record(superuser: User) -> None:
    order(at(2), 100)
    actor = Actor("root", superuser, "192.0.2.1", "request-0001")
    with acting_as(actor):
        download = take(all_exports()["orders"], NOVEMBER)
    body = b"".join(download)
    event = trace()
    assert (event.actor, event.address, event.request_id) == (
        superuser,
        "192.0.2.1",
        "request-0001",
    )
    assert event.after == {
        "export": "orders",
        "pack": "finance",
        "from": "2026-11-01",
        "to": "2026-11-30",
        "time_zone": "UTC",
        "currency": None,
        "personal_data": False,
        "schema_version": schema_version(),
        "outcome": "complete",
        "rows": 1,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    begun = trace("analytics.export_started")
    assert begun.request_id == event.request_id
    assert begun.after.items() <= event.after.items()


@pytest.mark.django_db
def test_two_that_claim_one_request_id_are_told_apart(superuser: User, operator: User) -> None:
    order(at(2), 100)
    for user, span in ((superuser, NOVEMBER), (operator, NOVEMBER), (superuser, EMPTY)):
        with acting_as(Actor(user.get_username(), user, request_id="request-0001")):
            b"".join(take(all_exports()["orders"], span))
    with acting_as(Actor("root", superuser, request_id="request-0001")):
        begun = take(all_exports()["orders"], NOVEMBER)  # and no more
    lately = taken_lately(["finance"])
    begun.close()
    assert [(one.who, one.outcome, one.rows) for one in lately] == [
        ("root", "", 0),
        ("root", "complete", 0),
        ("olive", "complete", 1),
        ("root", "complete", 1),
    ]


@pytest.mark.django_db
def test_a_pack_that_breaks_off_says_which_files_were_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small, large = replace(generated(3), name="small"), generated(200_000)
    monkeypatch.setattr(bundle, "exports_of", lambda _: [small, large])
    download = take_pack(FINANCE, NOVEMBER)
    sent = sum(len(next(download)) for _ in range(4))
    download.close()
    after = trace().after
    assert (after["outcome"], after["bytes"]) == ("aborted", sent)
    first, second = after["files"]
    whole = b"".join(small.file(NOVEMBER))
    assert (first["whole"], first["rows"]) == (True, 3)
    assert first["sha256"] == hashlib.sha256(whole).hexdigest()
    assert second["whole"] is False
    assert 0 < second["rows"] < 200_000
    with connection.cursor() as cursor:  # the connection is as good as before
        cursor.execute("SELECT 1")


@pytest.mark.django_db
def test_one_that_fails_midway_says_so() -> None:
    broken = "SELECT 1 / (199000 - n) FROM generate_series(1, 200000) AS n"
    download = Download("analytics", CsvFile(["x"], lambda: copied(broken, {})), {})
    with pytest.raises(DivisionByZero):
        b"".join(download)
    after = trace().after
    assert (after["outcome"], after["rows"] > 0) == ("failed", True)


@pytest.mark.django_db
def test_what_cant_be_read_fails_before_anything_is_sent() -> None:
    with pytest.raises(DivisionByZero):
        take(generated(9, extra="(1 / (9 - n))::text"), NOVEMBER)
    assert trace().after["outcome"] == "failed"


def eventually(look: Callable[[], Any]) -> Any:
    for _ in range(100):
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it didn't happen")


@pytest.mark.django_db(transaction=True)
def test_a_client_that_goes_away_leaves_the_trace_of_what_it_got(
    live_server: Any, client: Client, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "analyticsapp.views.exports.all_exports", lambda: {"orders": generated(300_000)}
    )
    client.force_login(superuser)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.get("/exports/")
    token = client.cookies["csrftoken"].value
    place = urlsplit(live_server.url)
    with closing(http.client.HTTPConnection(str(place.hostname), place.port)) as browser:
        browser.request(
            "POST",
            "/exports/orders/",
            f"csrfmiddlewaretoken={token}",
            {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": f"sessionid={cookie}; csrftoken={token}",
            },
        )
        response = browser.getresponse()
        assert response.status == 200
        assert response.read(10_000).startswith(b"n,words,currency,amount_minor,amount\n")
        response.close()
    event = eventually(AuditEvent.objects.filter(action="analytics.exported").first)
    assert event.actor == superuser
    assert event.after["outcome"] == "aborted"
    assert 0 < event.after["rows"] < 300_000


# As files


@pytest.mark.django_db
def test_a_folder_has_each_file_under_its_name_once_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "exports_of", lambda _: [generated(20_000)])
    written = iter(bundle.Folder(Bundle(Pack("x", "", "", ""), NOVEMBER), tmp_path))
    next(written)
    next(written)
    assert [file.name for file in tmp_path.iterdir()] == ["generated.csv.part"]
    for _ in written:
        pass
    assert {file.name for file in tmp_path.iterdir()} == {"generated.csv", "manifest.json"}
    assert (tmp_path / "generated.csv").read_bytes().count(b"\n") == 20_001
