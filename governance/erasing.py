"""What erasure does to the columns that are declared as personal."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from django.db.models import QuerySet

from auditlog.personal import (
    ERASED,
    Declaration,
    Erasure,
    Kind,
    Person,
    Personal,
    declarations,
    mentions,
)
from payments.pseudonyms import is_pseudonym, pseudonym


def sweep(person: Person) -> Counter[str]:
    """Erase each declared field of the person's rows; return how many values of each. A number of
    statements that depends on the declarations, the addresses and the rows that mention the person.

    Payloads are left to ``payments.erasure``.
    """
    erasable = [(one, rows_of(one, person)) for one in declarations() if one.rows is not None]
    known = names_and_addresses(person, erasable)
    pattern = mentions(known)
    stand_ins = {pseudonym(address) for address in person.addresses}
    stand_in = stand_ins.pop() if len(stand_ins) == 1 else ERASED
    counts: Counter[str] = Counter()
    for declared, rows in erasable:
        for name, one in declared.fields.items():
            match one.erasure:
                case Erasure.BLANK | Erasure.WORD:
                    count = emptied(rows, name, one)
                case Erasure.PSEUDONYM:
                    count = pseudonyms(rows, name)
                case Erasure.LINKS:
                    count = links_alone(rows, name, one)
                case Erasure.MENTIONS if pattern is not None:
                    count = unmentioned(rows, name, pattern, stand_in)
                case _:
                    count = 0
            if count:
                counts[f"{declared.label}.{name}"] += count
    return counts


def rows_of(declared: Declaration, person: Person) -> QuerySet[Any]:
    """The person's rows of one model, by their keys: an erased address finds them no more."""
    assert declared.rows is not None
    manager = declared.model._default_manager
    keys = list(manager.filter(declared.rows(person)).order_by().values_list("pk", flat=True))
    return manager.filter(pk__in=keys).order_by()


def names_and_addresses(
    person: Person, erasable: list[tuple[Declaration, QuerySet[Any]]]
) -> frozenset[str]:
    """What the person's rows say that they are called, and their addresses."""
    found = set(person.addresses)
    for declared, rows in erasable:
        for name, one in declared.fields.items():
            if one.kind in (Kind.NAME, Kind.EMAIL):
                found |= set(rows.values_list(name, flat=True).distinct())
    return frozenset(one for one in found if one and one != ERASED and not is_pseudonym(one))


def emptied(rows: QuerySet[Any], name: str, one: Personal) -> int:
    """Empty a column, or write the word; return of how many rows."""
    value = ERASED if one.erasure is Erasure.WORD else ""
    return rows.exclude(**{name: ""}).exclude(**{name: value}).update(**{name: value})


def pseudonyms(rows: QuerySet[Any], name: str) -> int:
    """Put its pseudonym in the place of each address; a statement an address."""
    count = 0
    for address in list(rows.values_list(name, flat=True).distinct()):
        if pseudonym(address) != address:
            count += rows.filter(**{name: address}).update(**{name: pseudonym(address)})
    return count


def links_alone(rows: QuerySet[Any], name: str, one: Personal) -> int:
    """Leave in metadata what links; return in how many rows there was more."""
    found = [
        row
        for row in rows.exclude(**{name: {}}).only("pk", name)
        if not set(getattr(row, name)) <= set(one.keys)
    ]
    for row in found:
        kept = {key: value for key, value in getattr(row, name).items() if key in one.keys}
        setattr(row, name, kept)
    if found:
        rows.model._default_manager.bulk_update(found, [name], batch_size=500)
    return len(found)


def unmentioned(rows: QuerySet[Any], name: str, pattern: re.Pattern[str], stand_in: str) -> int:
    """Take the person's names and addresses out of a text, or out of the texts in JSON; return of
    how many rows."""
    found = []
    for row in rows.only("pk", name):
        was = getattr(row, name)
        now = unnamed(was, pattern, stand_in)
        if now != was:
            setattr(row, name, now)
            found.append(row)
    if found:
        rows.model._default_manager.bulk_update(found, [name], batch_size=500)
    return len(found)


def unnamed(value: Any, pattern: re.Pattern[str], stand_in: str) -> Any:
    """A text without them; in JSON a text is replaced as a whole, by what a check would say now."""
    match value:
        case str():
            return pattern.sub(lambda found: shown(found[0], stand_in), value)
        case dict():
            return {key: whole(inner, pattern, stand_in) for key, inner in value.items()}
        case list():
            return [whole(inner, pattern, stand_in) for inner in value]
    return value


def whole(value: Any, pattern: re.Pattern[str], stand_in: str) -> Any:
    if isinstance(value, str):
        if pattern.fullmatch(value):
            return shown(value, stand_in)
        return ERASED if pattern.search(value) else value
    return unnamed(value, pattern, stand_in)


def shown(text: str, stand_in: str) -> str:
    """What stands for a name or an address."""
    return pseudonym(text) if "@" in text else stand_in
