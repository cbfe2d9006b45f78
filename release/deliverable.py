"""What is handed over: an archive made from git alone, and what may not be in one."""

from __future__ import annotations

import fnmatch
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from release.tree import git_bytes

# By the name of any part of a path. `.env.example` is meant to be there.
UNFIT = {
    "an environment file": (".env", ".env.*", "*.env"),
    "a database, or a dump of one": ("*.sqlite3", "*.sqlite", "*.db", "*.dump", "*.dump.*"),
    "a virtual environment": ("venv", ".venv", "env", "site-packages", "pyvenv.cfg"),
    "an IDE's folder": (".idea", ".vscode", "*.iml", ".project", ".settings"),
    "a cache": ("__pycache__", "*.pyc", ".*_cache", ".hypothesis", "node_modules", ".cache"),
    "what a run leaves": (".local", "*.log", "staticfiles", "*.egg-info", ".coverage", "htmlcov"),
    "a key": ("*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*"),
    "git itself": (".git",),
    "a file of the system's": (".DS_Store", "Thumbs.db", "*~", "*.swp"),
}
MEANT = {".env.example"}
# Without these it can't be set up from nothing.
NEEDED = {"README.md", "LICENSE", "Makefile", "manage.py", "requirements.txt", "pyproject.toml"}


class Unfit(RuntimeError):
    """It would hold what it mustn't, or lack what it must; the message says what."""


def unfit(names: Iterable[str]) -> list[str]:
    """What is wrong with an archive that holds these paths, in lines."""
    paths = sorted(PurePosixPath(name) for name in names)
    problems = [
        f"{path}: {what}"
        for path in paths
        for what, patterns in UNFIT.items()
        if any(
            part not in MEANT and any(fnmatch.fnmatchcase(part, each) for each in patterns)
            for part in path.parts
        )
    ]
    lacking = NEEDED - {str(path) for path in paths}
    return problems + [f"{name} isn't there" for name in sorted(lacking)]


def make(base: Path, out: Path, revision: str = "HEAD") -> str:
    """Write the archive of ``revision`` to ``out`` and return its SHA-256.

    The same revision gives the same bytes. What isn't committed isn't in it.

    Raises:
        Unfit: it can't be handed over.
        NoTree: there is no git or no such revision.
    """
    name = out.name.partition(".tar")[0]
    tar = git_bytes(base, "archive", "--format=tar", f"--prefix={name}/", revision)
    problems = unfit(names_in(tar, name))
    if problems:
        raise Unfit("\n".join(problems))
    packed = subprocess.run(["gzip", "-9", "-n"], input=tar, capture_output=True, check=True).stdout
    out.write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def names_in(tar: bytes, prefix: str) -> list[str]:
    """The files of an archive, without the folder that all of them are in."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return [member.name.removeprefix(f"{prefix}/") for member in archive if not member.isdir()]


def listed(base: Path, revision: str = "HEAD") -> list[str]:
    """The files that the archive of ``revision`` would hold."""
    return names_in(git_bytes(base, "archive", "--format=tar", "--prefix=x/", revision), "x")
