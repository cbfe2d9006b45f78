"""Gates that are a program or a command and its exit code."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from io import StringIO

from django.conf import settings
from django.core.management import CommandError, call_command

from release.gates.context import BIN, PYTHON, Context, bare
from release.gates.gate import Failed, Missing, NotRun

Run = Callable[[Context], str]
# Long enough for the whole suite on the slowest machine.
MINUTES_OF_TESTS = 40


def python(*arguments: str) -> Run:
    """A gate that is a module or a script of Python."""
    return lambda context: last_line(context.run(PYTHON, *arguments))


def program(name: str, *arguments: str) -> Run:
    """A gate that is a program beside this Python."""
    return lambda context: last_line(context.run(str(BIN / name), *arguments))


def manage(*arguments: str) -> Run:
    """A gate that is a command of ``manage.py``, in a process of its own."""
    return lambda context: last_line(context.manage(*arguments))


def on_throwaway(*arguments: str) -> Run:
    """A gate that is a command over the run's own database, never over this clone's."""
    return lambda context: last_line(context.manage(*arguments, DATABASE_URL=context.database))


def on_demo(*arguments: str) -> Run:
    """A gate that is a command over the run's own database with a demo's past in it."""
    return lambda context: last_line(context.manage(*arguments, DATABASE_URL=context.demo))


def document(command: str) -> Run:
    """A gate that compares what ``command`` has written with what it would write today."""
    return lambda context: checked(command)


def checked(command: str, *arguments: str) -> str:
    """``manage.py COMMAND --check`` in this process.

    Raises:
        Failed: what it has written would change.
    """
    said = StringIO()
    try:
        call_command(command, "--check", *arguments, stdout=said)
    except CommandError as error:
        raise Failed(str(error)) from None
    return last_line(said.getvalue())


def acceptance(context: Context) -> str:
    """The claims, held to the tests that this run has seen, if it has."""
    return checked("acceptance", *(["--junit", str(context.junit)] if context.junit else []))


def deploy(context: Context) -> str:
    """Django's check for a deployment and ours, with nothing but what production must be told."""
    return check_deploy(context)


def check_deploy(context: Context, **variables: str) -> str:
    """The same with ``variables`` on top.

    Raises:
        Failed: a setting would be unsafe.
    """
    told = {
        "COUNTINGHOUSE_ENV": "production",
        "DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "countinghouse.example",
        "SITE_URL": "https://countinghouse.example",
        "STRIPE_API_KEY": "",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(16)}",
        "DATABASE_URL": settings.DATABASE_URL,
    }
    arguments = ("check", "--deploy", "--fail-level", "WARNING")
    return last_line(context.run(PYTHON, "manage.py", *arguments, env=bare(told | variables)))


def tests(context: Context) -> str:
    """The whole suite; its results are what the claims are held to afterwards."""
    results = context.kept / "tests.xml"
    results.unlink(missing_ok=True)
    command = ("pytest", "-n", "logical", "-q", f"--junit-xml={results}")
    said = context.run(PYTHON, "-m", *command, minutes=MINUTES_OF_TESTS)
    context.junit = results
    return last_line(said)


def tests_of_analytics(context: Context) -> str:
    """The suite of the figures, as Django's own command runs it."""
    return last_line(
        context.manage(
            "test", "analyticsapp", "-v", "2", minutes=MINUTES_OF_TESTS, COUNTINGHOUSE_ENV="test"
        )
    )


def docker(context: Context) -> str:
    """The whole Docker path, which keeps its log and its pictures in ``.local/docker-proof``."""
    if not shutil.which("docker"):
        raise NotRun(Missing.DOCKER, "there is no docker here")
    try:
        context.run("docker", "info", minutes=1)
    except Failed as failed:
        raise NotRun(Missing.DOCKER, last_line(str(failed))) from None
    return last_line(context.run("scripts/docker_proof", minutes=MINUTES_OF_TESTS))


def last_line(said: str) -> str:
    """What a program says in the end, without pytest's rules around it."""
    lines = [line.strip(" =") for line in said.splitlines() if line.strip(" =")]
    return lines[-1] if lines else ""
