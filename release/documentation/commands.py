"""Commands that the documents tell a reader to type: each exists, and takes those options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, get_commands, load_command_class
from django.core.management.base import BaseCommand

INLINE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^(?: {4,}|\t)(\S.*)$")
FENCE = re.compile(r"^\s*(```|~~~)")
MANAGE = re.compile(r"(?:^|[\s/])manage\.py\s+(?P<rest>[a-z].*)")
MAKE = re.compile(r"(?:^|\s)make\s+(?P<target>[a-z][\w-]*)")
SCRIPT = re.compile(r"(?:^|\s)(?P<path>scripts/[\w.-]+)")
TARGET = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
END = {"&&", "||", "|", ";", ">", ">>", "<", "#"}
# What may stand where a reader is to put something of their own.
STANDS_FOR = re.compile(r"^[A-Z][A-Z_]*$|^…$|^<.*>$")
EXAMPLES = ("1", "2026-01-01", "7d")


def code(text: str) -> Iterator[tuple[int, str, bool]]:
    """What a document sets as code: line, words, whether they are a line by themselves."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif fenced:
            yield number, line.strip(), True
        elif found := BLOCK.match(line):
            yield number, found[1], True
        else:
            for inline in INLINE.finditer(line):
                yield number, inline[1], False


def spoken_of(base: Path) -> list[Path]:
    """The documents that tell people what to type; what once was is left alone."""
    return sorted(
        path
        for path in [*base.glob("*.md"), *(base / "docs").glob("*.md")]
        if path.name != "CHANGELOG.md"
    )


def wrong(base: Path) -> list[str]:
    """Commands that don't exist or don't take their options, by document and line."""
    targets = set(TARGET.findall((base / "Makefile").read_text(encoding="utf-8")))
    problems = []
    for document in spoken_of(base):
        where = document.relative_to(base).as_posix()
        for number, words, alone in code(document.read_text(encoding="utf-8")):
            for problem in against(words, base, targets, alone=alone):
                problems.append(f"{where}:{number}: {problem}")
    return problems


def against(words: str, base: Path, targets: set[str], *, alone: bool) -> Iterator[str]:
    """What is wrong with one piece of code."""
    for found in MAKE.finditer(words):
        if found["target"] not in targets and (alone or words.startswith("make ")):
            yield f"make has no target {found['target']}"
    for found in SCRIPT.finditer(words):
        if not (base / found["path"]).exists():
            yield f"{found['path']} isn't there"
    rest = MANAGE.search(words)
    first = words.partition(" ")[0]
    if rest:
        yield from against_manage(rest["rest"])
    elif not alone and first in get_commands() and " -" in words:
        yield from against_manage(words)


def against_manage(words: str) -> Iterator[str]:
    """What is wrong with the arguments of ``manage.py``."""
    name, *arguments = arguments_of(words)
    if name not in get_commands():
        yield f"manage.py has no command {name}"
        return
    app = get_commands()[name]
    command = app if isinstance(app, BaseCommand) else load_command_class(app, name)
    if not arguments:  # it is only spoken of
        return
    said = ""
    for example in ("", *EXAMPLES):
        filled = [
            example if example and STANDS_FOR.match(each) else each.partition("|")[0]
            for each in arguments
        ]
        try:
            with redirect_stdout(StringIO()):  # --help prints
                command.create_parser("manage.py", name).parse_args(filled)
        except CommandError as error:
            said = said or str(error).partition(": ")[2]
        except SystemExit:  # --help and --version
            return
        else:
            return
    yield f"manage.py {name}: {said}"


def arguments_of(words: str) -> list[str]:
    """The words up to where the shell goes on with something else, without marks of what is
    optional."""
    lexer = shlex.shlex(words.replace("[", " ").replace("]", " "), posix=True)
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        tokens = words.split()
    end = next((n for n, token in enumerate(tokens) if token in END), len(tokens))
    return [token.rstrip("…,;") or token for token in tokens[:end]]
