"""Write the locks from pyproject.toml, or check that they are up to date.

``lock.py`` resolves anew, keeping the versions that are locked already (``--upgrade`` takes the
newest). ``lock.py --check`` needs no network: each lock's first line carries digests of the inputs
it was made from and of the lines below it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
LOCKS: dict[str, list[str]] = {
    # All versions are chosen for the development lock; the smaller ones are cut from it.
    "requirements-dev.txt": ["--extra", "embedded", "--extra", "dev"],
    "requirements-demo.txt": ["--extra", "embedded", "--constraint", "requirements-dev.txt"],
    "requirements.txt": ["--constraint", "requirements-dev.txt"],
}


def heading(body: str) -> str:
    """The first line of a lock whose other lines are ``body``."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    inputs = json.dumps(
        [project["requires-python"], project["dependencies"], project["optional-dependencies"]]
    )
    digests = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in (inputs, body)]
    return f"# Made by `make lock` from pyproject.toml ({digests[0]}, {digests[1]}).\n"


def write(name: str, options: list[str], upgrade: bool) -> None:
    """Resolve one lock for all supported Pythons; no index is named in it."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--generate-hashes", "--python-version", "3.11", "--no-header", "--no-annotate"]
    command += ["--upgrade"] if upgrade else []
    command += [*options, "pyproject.toml", "--output-file", name]
    subprocess.run(command, cwd=BASE_DIR, check=True)
    path = BASE_DIR / name
    body = "".join(
        line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#")
    )
    path.write_text(heading(body) + body)
    print(f"{name}: {body.count('==')} packages")


def stale() -> list[str]:
    """The locks that weren't made from today's pyproject.toml, or were changed by hand."""
    found = []
    for name in LOCKS:
        first, _, body = (BASE_DIR / name).read_text().partition("\n")
        if f"{first}\n" != heading(body):
            found.append(name)
    return found


def main() -> None:
    if "--check" in sys.argv:
        if names := stale():
            sys.exit(f"Not up to date with pyproject.toml: {', '.join(names)}. Run `make lock`.")
        print("The locks are up to date.")
        return
    for name, options in LOCKS.items():
        write(name, options, "--upgrade" in sys.argv)


if __name__ == "__main__":
    main()
