"""Gates on what the documents say, and on what is handed over and shown."""

from __future__ import annotations

from release import deliverable
from release.documentation import commands, links
from release.gates.context import Context
from release.gates.gate import Failed, Missing, NotRun
from release.proof import index
from release.tree import PROOF, NoTree, digest_of


def links_hold(context: Context) -> str:
    """Links lead somewhere, and the index leads to every document."""
    refuse(links.broken(context.base.resolve()))
    return f"{len(links.markdown(context.base))} documents"


def commands_exist(context: Context) -> str:
    """What readers are told to type exists, and takes those options."""
    refuse(commands.wrong(context.base.resolve()))
    return f"{len(commands.spoken_of(context.base))} documents"


def deliverable_is_clean(context: Context) -> str:
    """The archive of what is committed holds what it must and nothing that it mustn't."""
    try:
        names = deliverable.listed(context.base)
    except NoTree as error:
        raise NotRun(Missing.HISTORY, str(error)) from None
    refuse(deliverable.unfit(names))
    return f"{len(names)} files"


def evidence_holds(context: Context) -> str:
    """The evidence package is whole, and of this tree."""
    folder = context.base / PROOF
    if not folder.is_dir():
        raise NotRun(Missing.EVIDENCE, f"there is no {PROOF}: manage.py proof makes it")
    try:
        problems = index.verify(folder, digest_of(context.base))
    except NoTree as error:
        raise NotRun(Missing.HISTORY, str(error)) from None
    refuse(problems)
    return f"{len(list(folder.iterdir()))} files"


def refuse(problems: list[str]) -> None:
    """Raise :class:`Failed` if there is one."""
    if problems:
        raise Failed("\n".join(problems))
