"""Personal data: which fields may hold any, why, for how long, and what erasure does with it.

Each app declares its models' fields in a module ``personal``, found by itself; a test fails on a
field of text, JSON or addresses that isn't declared. The inventory in ``docs/data_governance.md``
is made from it, and erasure is driven by it: a field that is declared is erased.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from auditlog.idranges import IdRangesField

COULD_BE = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.GenericIPAddressField,
    models.BinaryField,
    ArrayField,
)
ERASED = "erased"  # what stands where something had to stand


class Kind(Enum):
    """What a field may tell of a person."""

    NAME = "name"
    EMAIL = "e-mail address"
    IDENTIFIER = "identifier of a person"
    DELIVERY = "delivery"
    FREE_TEXT = "free text"
    METADATA = "metadata of the shop's"
    PAYLOAD = "raw payload"
    EVIDENCE = "evidence of a check"
    IP = "IP address"
    CREDENTIAL = "credential"


class Erasure(Enum):
    """What erasure makes of a field."""

    BLANK = "emptied"
    PSEUDONYM = "replaced by a pseudonym, the same for the same address"
    WORD = f"replaced by the word *{ERASED}*"
    LINKS = "emptied but for the keys that link"
    MENTIONS = "the person's names and addresses in it are replaced"
    REDUCED = "reduced to what the mirror reads of it, without what is personal"
    KEPT = "kept"


@dataclass(frozen=True)
class Personal:
    """One field: what it may hold, why it is kept, and what erasure does with it. ``keys`` are
    those of metadata that stay because they link."""

    kind: Kind
    why: str
    erasure: Erasure
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """Whose data is to be erased, by the keys of rows that are theirs.

    ``customers`` are ids of Stripe's, ``addresses`` in lower case; ``objects`` has the keys of
    their rows by the model's label in lower case.
    """

    customers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    objects: Mapping[str, frozenset[Any]] = field(default_factory=dict)

    def keys(self, label: str) -> frozenset[Any]:
        """The keys of their rows of one model; empty where there are none."""
        return self.objects.get(label.lower(), frozenset())


Rows = Callable[[Person], Q]


@dataclass(frozen=True)
class Declaration:
    """What is declared of one model. ``rows`` finds a person's rows; None: no customer's are in
    it. ``kept`` says for how long a row is."""

    label: str
    kept: str
    rows: Rows | None
    fields: Mapping[str, Personal]
    harmless: frozenset[str]

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)


_declarations: dict[str, Declaration] = {}


def declare(
    label: str,
    *,
    kept: str = "",
    rows: Rows | None = None,
    harmless: str = "",
    **fields: Personal,
) -> None:
    """Declare a model's fields: the personal ones by name, and those that can't hold anything
    personal in ``harmless``, apart by space.

    Raises:
        ValueError: the model is declared already, or it has erasable fields and no ``rows``.
    """
    if label in _declarations:
        raise ValueError(f"{label} is declared already")
    if rows is None and any(one.erasure is not Erasure.KEPT for one in fields.values()):
        raise ValueError(f"nobody says which rows of {label} are a person's")
    _declarations[label] = Declaration(label, kept, rows, fields, frozenset(harmless.split()))


def declarations() -> list[Declaration]:
    """All that is declared, by the model's label."""
    return [_declarations[label] for label in sorted(_declarations)]


def declaration(label: str) -> Declaration | None:
    """What is declared of one model, by its label."""
    return _declarations.get(label)


def could_be_personal(model: type[models.Model]) -> Iterator[str]:
    """The names of the model's fields that could hold personal data: text, JSON and addresses.

    Choices, currencies and what refers to another row can't.
    """
    for one in model._meta.concrete_fields:
        text = isinstance(one, COULD_BE)
        chosen = bool(one.choices) or one.name == "currency" or isinstance(one, IdRangesField)
        if text and not chosen and not one.generated:
            yield one.name


def faults(model: type[models.Model]) -> list[str]:
    """What is wrong with the declarations of a model's fields; empty where each is declared."""
    label = model._meta.label
    declared = declaration(label)
    named = (declared.fields.keys() | declared.harmless) if declared else set()
    there = {one.name for one in model._meta.concrete_fields}
    return [
        *(
            f"{label}.{name} isn't declared"
            for name in could_be_personal(model)
            if name not in named
        ),
        *(f"{label} has no field {name}" for name in sorted(named - there)),
        *(
            f"{label}.{name} is declared twice"
            for name in sorted(declared.fields.keys() & declared.harmless if declared else ())
        ),
    ]


def mentions(values: frozenset[str]) -> re.Pattern[str] | None:
    """A pattern for the names and addresses of a person in a text; None where none is known. The
    longest first; those of one or two letters would be found everywhere."""
    known = sorted((value for value in values if len(value) > 2), key=len, reverse=True)
    if not known:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)", re.IGNORECASE)
