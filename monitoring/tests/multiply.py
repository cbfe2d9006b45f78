"""Makes many anomalies of one: its rows again and again, under keys of their own, by SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import connection, models

APPS = ("orders", "payments")
STEP = 10_000_000  # between the numbers of copies


def tables() -> list[type[models.Model]]:
    """The tables that hold what Stripe and the shop told."""
    return [
        model
        for app in APPS
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    ]


def is_key(field: Any) -> bool:
    """Whether the values say which row this is, or which other one it belongs to."""
    return bool(
        field.unique
        or field.is_relation
        or (field.attname.endswith("_id") and isinstance(field, models.CharField))
        or any(
            constraint.fields == (field.name,)
            for constraint in field.model._meta.constraints
            if isinstance(constraint, models.UniqueConstraint)
        )
    )


def copied(field: Any) -> str:
    """The SQL for the value that copy ``g`` of a row has."""
    column = f't."{field.column}"'
    target = field
    while target.is_relation:
        if target.related_model._meta.app_label not in APPS:
            return column
        target = target.target_field
    if not is_key(field):
        return column
    if isinstance(target, models.UUIDField):
        return f"md5({column}::text || g)::uuid"
    if isinstance(target, models.IntegerField):
        return f"{column} + {STEP}::bigint * g"
    return f"CASE WHEN {column} <> '' THEN {column} || '-' || g ELSE {column} END"


class Copies:
    """Collects copies, each under a number that none before it had, and puts them into the tables.

    Copies are as wrong as what they are of: no trigger and no reference refuses them.
    """

    def __init__(self) -> None:
        self.made = 0
        self.models = tables()
        at_once(
            f"CREATE TEMPORARY TABLE {aside(model)} (LIKE {quoted(model)})" for model in self.models
        )

    def take(self, count: int) -> None:
        """Put ``count`` copies of every row aside, and empty the tables."""
        first, self.made = self.made + 1, self.made + count
        at_once(
            f"INSERT INTO {aside(model)} ({columns(model)}) "
            f"SELECT {', '.join(map(copied, stored(model)))} FROM {quoted(model)} AS t, "
            f"generate_series({first}, {self.made}) AS g; DELETE FROM {quoted(model)}"
            for model in self.models
        )

    def put(self) -> None:
        """Put all that was taken into the tables."""
        at_once(
            f"INSERT INTO {quoted(model)} ({columns(model)}) "
            f"SELECT {columns(model)} FROM {aside(model)} ON CONFLICT DO NOTHING; "
            f"DROP TABLE {aside(model)}; ANALYZE {quoted(model)}"
            for model in self.models
        )


def at_once(statements: Iterable[str]) -> None:
    """Send them in one go, with triggers and references off."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL session_replication_role = replica; "
            + "; ".join(statements)
            + "; SET LOCAL session_replication_role = origin"
        )


def aside(model: type[models.Model]) -> str:
    return f"aside_{model._meta.db_table}"


def quoted(model: type[models.Model]) -> str:
    return f'"{model._meta.db_table}"'


def stored(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not field.generated]


def columns(model: type[models.Model]) -> str:
    return ", ".join(f'"{field.column}"' for field in stored(model))
