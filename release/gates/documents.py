"""Gates on what the documents say."""

from __future__ import annotations

from release.documentation import commands, links
from release.gates.context import Context
from release.gates.gate import Failed


def links_hold(context: Context) -> str:
    """Links lead somewhere, and the index leads to every document."""
    refuse(links.broken(context.base.resolve()))
    return f"{len(links.markdown(context.base))} documents"


def commands_exist(context: Context) -> str:
    """What readers are told to type exists, and takes those options."""
    refuse(commands.wrong(context.base.resolve()))
    return f"{len(commands.spoken_of(context.base))} documents"


def refuse(problems: list[str]) -> None:
    """Raise :class:`Failed` if there is one."""
    if problems:
        raise Failed("\n".join(problems))
