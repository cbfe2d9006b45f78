"""Every model as a whole: nothing it offers is a phantom, and canceled has one spelling."""

from __future__ import annotations

import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, models, transaction

from config.tests.rows import build, our_models

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# In pieces, so that this file doesn't hold the word either.
TWO_LS = "cancel" + "led"
SKIPPED = {".git", ".venv", ".local", "node_modules", "staticfiles", "build", "dist", "__pycache__"}

every_model = pytest.mark.parametrize("model", our_models(), ids=lambda m: m._meta.label_lower)


def offered(model: type[models.Model]) -> list[str]:
    """Names of all properties of a model, fields and reverse relations."""
    properties = {
        name
        for cls in model.__mro__
        for name, value in vars(cls).items()
        if isinstance(value, property | cached_property) and cls is not models.Model
    }
    fields = {field.name for field in model._meta.concrete_fields}
    relations = {
        relation.get_accessor_name()
        for relation in model._meta.related_objects
        if relation.get_accessor_name()
    }
    return sorted(properties | fields | {str(name) for name in relations})


@every_model
def test_no_phantom_attributes(db: None, model: type[models.Model]) -> None:
    row = build(model)
    for name in offered(model):
        value = getattr(row, name)
        if isinstance(value, models.Manager):
            list(value.all()[:1])
    str(row)
    for field in model._meta.concrete_fields:
        if field.choices:
            getattr(row, f"get_{field.name}_display")()
    if hasattr(row, "get_absolute_url"):
        assert row.get_absolute_url().startswith("/")


@every_model
def test_references_that_have_not_arrived_read_as_absent(
    db: None, model: type[models.Model]
) -> None:
    """Stripe's references come in any order, so a page may meet an id without its row."""
    from payments.models import StripeReference

    references = [
        field for field in model._meta.concrete_fields if isinstance(field, StripeReference)
    ]
    if not references:
        return
    row = build(model, **{field.attname: f"missing_{field.name}" for field in references})
    for field in references:
        assert getattr(row, field.attname) == f"missing_{field.name}"
        with pytest.raises(ObjectDoesNotExist):
            getattr(row, field.name)


def statuses() -> list[Any]:
    """Every field of ours whose words are our own and may be stored."""
    return [
        pytest.param(model, field, id=f"{model._meta.label_lower}.{field.name}")
        for model in our_models()
        for field in model._meta.concrete_fields
        if field.choices and not field.generated
    ]


@pytest.mark.parametrize(("model", "field"), statuses())
def test_the_two_l_spelling_is_refused_by_the_database(
    db: None, model: type[models.Model], field: models.Field[Any, Any]
) -> None:
    build(model)  # with a word that is known it can be stored
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        build(model, **{field.name: TWO_LS})
    cause = refused.value.__cause__
    assert getattr(cause, "sqlstate", None) in {"23514", "P0001"}  # a constraint, or a trigger


def texts() -> list[Path]:
    """The project's files: what git knows, or all of them where this is no clone."""
    if (BASE_DIR / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=BASE_DIR, capture_output=True, check=True
        )
        names = listed.stdout.decode().split("\0")
        return [path for name in names if name and (path := BASE_DIR / name).is_file()]
    return [
        path
        for path in BASE_DIR.rglob("*")
        if path.is_file() and not SKIPPED & set(path.relative_to(BASE_DIR).parts)
    ]


def test_no_file_holds_the_two_l_spelling() -> None:
    files = texts()
    assert len(files) > 50
    holding = [
        str(path.relative_to(BASE_DIR))
        for path in files
        if TWO_LS.encode() in path.read_bytes().lower()
    ]
    assert holding == []
