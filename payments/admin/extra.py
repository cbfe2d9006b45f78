"""Columns that other apps add to the lists and pages of mirrored objects.

Payments stands to the left of those apps and can't ask them. They register a column when their
admin is loaded, and what it needs of each row as an annotation, so that a list stays one statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from payments.models import MirrorObject

Show = Callable[[Any], Any]
_columns: dict[type[MirrorObject], list[Show]] = defaultdict(list)
_annotations: dict[type[MirrorObject], dict[str, Any]] = defaultdict(dict)


def add_column(model: type[MirrorObject], show: Show, **annotations: Any) -> None:
    """Show ``show`` (a display function of the row) wherever ``model`` is shown.

    ``annotations`` are expressions over ``model``, there on each row under their names.
    """
    if show not in _columns[model]:
        _columns[model].append(show)
        _annotations[model].update(annotations)


def columns_of(model: type[MirrorObject]) -> list[Show]:
    """The columns that were added for ``model``, in the order in which they were."""
    return list(_columns[model])


def annotations_of(model: type[MirrorObject]) -> dict[str, Any]:
    """What these columns need of each row."""
    return dict(_annotations[model])
