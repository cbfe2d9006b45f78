"""Make the virtual environment and install one of the locks into it.

Usage: ``bootstrap.py requirements-demo.txt``. It runs under any Python 3, the wrong ones included,
so that whatever is missing can be told in one line that says what to do. pip does the installing
because it is what every Python brings and what people have configured: indexes, proxies,
certificates. A stamp makes every run after the first one instant.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

SUPPORTED = ("3.11", "3.12", "3.13")
BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# A lock that holds all of another one, so that installing it serves for both.
COVERS = {"requirements-dev.txt": ["requirements-demo.txt", "requirements.txt"]}
# What the shell, which starts the embedded Postgres, and a URL would take for something else.
UNFIT = re.compile(r"[^\w./@+=~-]")
OFFLINE = ("NewConnectionError", "name resolution", "unreachable", "ConnectTimeout", "timed out")


class SetupError(Exception):
    """Something is missing; the message is the one line that says what to do."""


def version_of(python: str) -> str:
    """The ``major.minor`` of an interpreter, or nothing where it can't be run."""
    try:
        output = subprocess.check_output(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return output.decode().strip()


def find_python(wanted: str) -> str:
    """The interpreter to build on: ``wanted``, else this one, else the newest on the path."""
    candidates = [wanted] if wanted else [sys.executable, "python3.13", "python3.12", "python3.11"]
    for candidate in candidates:
        if version_of(candidate) in SUPPORTED:
            return candidate
    names = f"{', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
    if wanted:
        found = version_of(wanted)
        state = f"is Python {found}" if found else "can't be run"
        raise SetupError(
            f"PYTHON={wanted} {state}; Countinghouse needs Python {names}. "
            "Name another one, or leave PYTHON out."
        )
    here = version_of(sys.executable)
    raise SetupError(
        f"Countinghouse needs Python {names}, and {sys.executable} is {here}. Install one of them, "
        "or name it: make setup PYTHON=/path/to/python3.12"
    )


def make_environment(venv: str, wanted: str) -> str:
    """See that ``venv`` holds a usable environment; return its interpreter."""
    inside = os.path.join(venv, "bin", "python")
    version = version_of(inside)
    if version in SUPPORTED and (not wanted or version == version_of(wanted)):
        return inside
    python = find_python(wanted)
    for module in ("venv", "ensurepip"):
        if subprocess.call([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL):
            name = f"python{version_of(python)}-venv"
            raise SetupError(
                f"{python} can't make a virtual environment: its module {module} is missing. "
                f"Install it (Debian, Ubuntu: apt install {name})."
            )
    say(f"Making {os.path.relpath(venv)} with Python {version_of(python)}.")
    log = os.path.join(BASE_DIR, ".local", "setup.log")
    with open(log, "wb") as output:
        if subprocess.call(
            [python, "-m", "venv", "--clear", venv], stdout=output, stderr=subprocess.STDOUT
        ):
            raise SetupError(
                f"{python} couldn't make a virtual environment in {venv}. Its words are in {log}."
            )
    return inside


def fingerprint(lock: str, python: str) -> str:
    with open(os.path.join(BASE_DIR, lock), "rb") as file:
        return hashlib.sha256(version_of(python).encode() + b"\n" + file.read()).hexdigest()


def install(lock: str, venv: str, python: str) -> None:
    """Install ``lock`` with its hashes checked, unless the stamp says that it is installed."""
    stamp = os.path.join(venv, "installed.json")
    try:
        with open(stamp, "rb") as file:
            installed = json.loads(file.read().decode())
    except (OSError, ValueError):
        installed = {}
    if installed.get(lock) == fingerprint(lock, python):
        return
    if os.path.exists(stamp):
        os.remove(stamp)  # half an installation is none
    say(f"Installing {lock}. The first time this takes about half a minute.")
    log = os.path.join(BASE_DIR, ".local", "setup.log")
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--requirement", os.path.join(BASE_DIR, lock)]
    with open(log, "wb") as output:
        failed = subprocess.call(command, stdout=output, stderr=subprocess.STDOUT)
    if failed:
        raise SetupError(explain(lock, log))
    installed = {name: fingerprint(name, python) for name in [lock, *COVERS.get(lock, [])]}
    with open(stamp, "w", encoding="utf-8") as file:
        json.dump(installed, file)


def explain(lock: str, log: str) -> str:
    """Why pip failed, in one line, from its log."""
    with open(log, "rb") as file:
        text = file.read().decode("utf-8", "replace")
    if any(sign in text for sign in OFFLINE):
        return (
            "The package index can't be reached: check the network, or pip's settings for index "
            f"and proxy. pip's words are in {log}."
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    last = errors[-1] if errors else "no reason given"
    return f"pip couldn't install {lock} ({last}). pip's words are in {log}."


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    bad = UNFIT.search(BASE_DIR)
    if bad:
        what = "a space" if bad.group() == " " else repr(bad.group())
        raise SetupError(
            f"Countinghouse can't live under a path with {what}: {BASE_DIR}. Move the folder."
        )
    venv = os.path.join(BASE_DIR, os.environ.get("VENV") or ".venv")
    wanted = os.environ.get("PYTHON", "")
    if wanted and not os.path.dirname(wanted):
        wanted = shutil.which(wanted) or wanted
    os.makedirs(os.path.join(BASE_DIR, ".local"), exist_ok=True)
    # Two targets started at once must not install into one environment at the same time.
    with open(os.path.join(BASE_DIR, ".local", "setup.lock"), "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        python = make_environment(venv, wanted)
        for lock in sys.argv[1:]:
            install(lock, venv, python)


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(str(error))
    except OSError as problem:
        sys.exit(
            f"Countinghouse writes to its own folder, and can't: {problem.strerror} "
            f"({problem.filename}). Work in a clone that is yours."
        )
    except KeyboardInterrupt:
        sys.exit(130)
