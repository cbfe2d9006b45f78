"""Which tree this is: its commit, and a digest of what is in it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

PROOF = "docs/proof"


class NoTree(RuntimeError):
    """Git can't tell what is in the tree; the message says why."""


def git(base: Path, *arguments: str) -> str:
    """What git says, without the end of its last line.

    Raises:
        NoTree: it says no, it isn't there, or this is no clone.
    """
    return git_bytes(base, *arguments).decode("utf-8", "replace").rstrip("\n")


def git_bytes(base: Path, *arguments: str) -> bytes:
    """The same as it comes."""
    try:
        done = subprocess.run(["git", *arguments], cwd=base, capture_output=True, check=False)
    except OSError:
        raise NoTree("there is no git here") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise NoTree(said or f"git {arguments[0]} exits with {done.returncode}")
    return done.stdout


def commit_of(base: Path) -> str:
    """The commit that is checked out; *unknown* outside of a clone."""
    try:
        return git(base, "rev-parse", "HEAD")
    except NoTree:
        return "unknown"


def digest_of(base: Path) -> str:
    """A SHA-256 over names and contents of all files that git has or would take, but for the
    evidence package: committing that doesn't change what it is evidence of.

    Raises:
        NoTree: this is no clone.
    """
    listed = git(base, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    whole = hashlib.sha256()
    for name in sorted(set(listed.split("\0")) - {""}):
        path = base / name
        if name.startswith(f"{PROOF}/") or not path.is_file():
            continue
        whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def is_of(base: Path, commit: str) -> bool:
    """Whether the tree is what that commit has, but for the evidence package."""
    try:
        git(base, "diff", "--quiet", commit, "--", ".", f":(exclude){PROOF}")
    except NoTree:
        return False
    return True
