"""``docs/data_governance.md``: its inventory of personal data, made from what the apps declare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import models

from auditlog.personal import Declaration, declarations, faults

BEGIN = "<!-- Made by `manage.py pii_inventory`: what stands from here to the next mark. -->"
END = "<!-- End of what is made. -->"
OURS = ("auditlog", "payments", "orders", "analyticsapp", "monitoring", "governance", "release")


def path() -> Path:
    """Where the document stands."""
    return Path(settings.BASE_DIR) / "docs" / "data_governance.md"


def our_tables() -> list[type[models.Model]]:
    """The models of our own apps that have a table."""
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in OURS and model._meta.managed and not model._meta.proxy
    ]


def undeclared() -> list[str]:
    """What is wrong with the declarations; empty where each field that could hold something
    personal is declared, and nothing else is."""
    found = [fault for model in our_tables() for fault in faults(model)]
    ours = {model._meta.label for model in our_tables()}
    others = [one.model for one in declarations() if one.label not in ours]
    return found + [fault for model in others for fault in faults(model)]


def inventory() -> Iterator[str]:
    """The lines of the inventory: a table for each model that holds something personal."""
    yield "| Field | What it may hold | Why | What erasure does |"
    yield "| --- | --- | --- | --- |"
    for one in declarations():
        if one.fields:
            yield f"| **{one.label}** | | kept {one.kept} | |"
            yield from rows(one)


def rows(declared: Declaration) -> Iterator[str]:
    for name, one in declared.fields.items():
        keys = ", ".join(f"`{key}`" for key in one.keys)
        erasure = one.erasure.value + (f": {keys}" if keys else "")
        yield f"| `{name}` | {one.kind.value} | {one.why} | {erasure} |"


def document(text: str) -> str:
    """The document with its inventory as it should be.

    Raises:
        ValueError: a field isn't declared, or the document has no place for the inventory.
    """
    if missing := undeclared():
        raise ValueError("; ".join(missing))
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path().name} has no place for the inventory: {BEGIN} … {END}")
    return "\n".join([before + BEGIN, *inventory(), END + after])
