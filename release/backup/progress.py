"""How far it is, for a person at a terminal."""

from __future__ import annotations

from django.core.management.base import OutputWrapper

from release.backup.taking import Say


def progress_on(stream: OutputWrapper) -> Say:
    """What shows a line over the one before; nothing where the output goes to a file."""
    if not stream.isatty():
        return lambda text: None

    def show(text: str) -> None:
        stream.write(f"\r{text:<60}\r", style_func=str, ending="")
        stream.flush()

    return show
