"""Git in a folder of a test's own."""

from __future__ import annotations

import subprocess
from pathlib import Path


def in_git(folder: Path, *arguments: str) -> None:
    """Run git there, as somebody."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def begin(folder: Path) -> None:
    """Make a clone of it, with all that is in it committed."""
    in_git(folder, "init", "--quiet", "--initial-branch", "main")
    in_git(folder, "add", ".")
    in_git(folder, "commit", "--quiet", "--message", "All")
