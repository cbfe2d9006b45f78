"""Columns that other apps add to the lists of mirrored objects.

Payments stands to the left of those apps and can't ask them. They register a column when their
admin is loaded, and what it needs of each row as an annotation, so that a list stays one statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from payments.models import MirrorObject


@dataclass(frozen=True)
class Column:
    """A display function of the row, who may see it, and the expressions that it needs by name."""

    show: Callable[[Any], Any]
    permission: str
    annotations: dict[str, Any]


_columns: dict[type[MirrorObject], list[Column]] = defaultdict(list)


def add_column(
    model: type[MirrorObject], show: Callable[[Any], Any], *, permission: str, **annotations: Any
) -> None:
    """Show ``show`` (a display function of the row) in the list of ``model``, to whoever has the
    permission; ``annotations`` are expressions over ``model``, on each row under their names."""
    _columns[model].append(Column(show, permission, annotations))


def columns_of(model: type[MirrorObject], request: HttpRequest) -> list[Callable[[Any], Any]]:
    """The columns of other apps that this person may see, in the order in which they came."""
    return [column.show for column in _columns[model] if request.user.has_perm(column.permission)]


def annotations_of(model: type[MirrorObject]) -> dict[str, Any]:
    """What these columns need of each row."""
    return {
        name: expression
        for column in _columns[model]
        for name, expression in column.annotations.items()
    }
