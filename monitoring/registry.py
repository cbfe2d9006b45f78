"""The registry of checks, and what a check says when it finds something.

A check is a function of now that yields the subjects that break a rule, found by one set-based
query. Checks live in ``monitoring/checks/``; a new module there is found by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Any

from django.db import connection, models

from monitoring.models import Kind, Severity

# The subject of a finding about a table as a whole.
WHOLE = "*"
# The subject of a finding about a check that could not run; no model.
CRASHED_SUBJECT = "monitoring.check"
BATCH = 5_000
_results = count()


@dataclass(frozen=True, slots=True)
class Finding:
    """One subject that breaks the rule; a check yields one a subject.

    ``evidence`` holds the numbers that disagree, by a name that a person reads: plain JSON values,
    :func:`amount`, :func:`moment`, :func:`reference`, or lists of these. ``severity`` where this
    subject is worse, or less bad, than its check says.
    """

    subject_type: str  # label of its model, as ``orders.order``
    subject_id: str
    summary: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    amount_minor: int | None = None  # money at risk
    currency: str = ""
    severity: Severity | None = None


class Area(StrEnum):
    """Figures that belong together: what a page shows, and what a broken rule makes doubtful."""

    SALES = "sales"
    SETTLEMENT = "settlement"
    SUBSCRIPTIONS = "subscriptions"
    PRODUCTS = "products"


EVERYTHING = tuple(Area)

Find = Callable[[datetime], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """A rule: what breaking it means, what can be done about it, and how to find who does."""

    name: str
    kind: Kind
    severity: Severity
    meaning: str
    remedy: str
    find: Find
    remedies: tuple[str, ...] = ()  # names in ``monitoring.remedies``, the likeliest first
    numbers: tuple[str, ...] = ()  # names in the evidence; none: all but times and links
    touches: tuple[Area, ...] = ()  # figures that are wrong, late or doubtful while it is broken


class UnknownCheck(LookupError):
    """No check has that name."""


# What a run reports about checks that could not run. It has no function of its own.
CRASHED = Check(
    name="check_crashed",
    kind=Kind.INTEGRITY,
    severity=Severity.CRITICAL,
    meaning="A check could not run, so what it watches is not being watched.",
    remedy="Read the error below and in the log of that time. Run the check again: "
    "`manage.py run_checks --only NAME`. The issue resolves as soon as the check runs through.",
    find=lambda now: (),
)

_checks: dict[str, Check] = {}


def check(
    *,
    name: str,
    kind: Kind,
    severity: Severity,
    meaning: str,
    remedy: str,
    remedies: tuple[str, ...] = (),
    numbers: tuple[str, ...] = (),
    touches: tuple[Area, ...] = (),
) -> Callable[[Find], Find]:
    """Register the decorated function of now as a check, its ``remedies`` offered as buttons.

    ``touches`` names the figures that can't be relied on while the rule is broken; their pages say
    so. Most that only wait for a person touch none.

    An issue that somebody accepted stays so while its money at risk and these ``numbers`` of its
    evidence stay: by default all but times and links.

    Raises:
        ValueError: the name is taken, or too long to be kept.
    """

    def register(find: Find) -> Find:
        if name in _checks or name == CRASHED.name or not 0 < len(name) <= 64:
            raise ValueError(f"{name!r} can't be the name of another check")
        _checks[name] = Check(
            name, kind, severity, meaning, remedy, find, remedies, numbers, touches
        )
        return find

    return register


def all_checks() -> list[Check]:
    """Every registered check, as registered."""
    return list(_checks.values())


def get(name: str) -> Check | None:
    """The check of that name (the pseudo-check for crashes too), or None where it is gone."""
    return CRASHED if name == CRASHED.name else _checks.get(name)


def touching(areas: Iterable[Area]) -> list[str]:
    """The names of the checks whose issues make figures of these areas doubtful."""
    wanted = set(areas)
    return [one.name for one in all_checks() if wanted.intersection(one.touches)]


def select(only: Sequence[str] | None) -> list[Check]:
    """The checks with these names; all of them where none are given.

    Raises:
        UnknownCheck: its message names those that there are.
    """
    if not only:
        return all_checks()
    if unknown := [name for name in only if name not in _checks]:
        raise UnknownCheck(
            f"No check is named {', '.join(unknown)}. There are: {', '.join(sorted(_checks))}."
        )
    return [one for one in all_checks() if one.name in only]


def amount(amount_minor: int | None, currency: str) -> dict[str, Any]:
    """Money in evidence: minor units and their currency."""
    return {"amount": amount_minor, "currency": currency}


def moment(at: datetime | None) -> dict[str, Any]:
    """A time in evidence."""
    return {"at": at.isoformat() if at else None}


def reference(model: type[models.Model], key: object, text: str = "") -> dict[str, Any]:
    """A row in evidence, shown as a link to its page."""
    return {"model": model._meta.label_lower, "id": str(key), "text": text or str(key)}


def label(model: type[models.Model]) -> str:
    """The name under which a finding's subject is kept."""
    return model._meta.label_lower


def rows(sql: str, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of one query by column name, fetched in batches so that memory stays flat.

    Needs a transaction. The result is put into a temporary table first: a cursor's own query would
    be planned without parallel workers.
    """
    result = f"checked_{next(_results)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {result} ON COMMIT DROP AS {sql}", parameters)
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT * FROM {result}")
        names: list[str] | None = None
        while batch := cursor.fetchmany(BATCH):
            names = names or [column[0] for column in cursor.description]
            for row in batch:
                yield dict(zip(names, row, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {result}")
