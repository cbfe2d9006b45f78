"""Checks of Stripe's words: types of event, API versions and values that no rule knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring.models import Kind, Severity
from monitoring.registry import EVERYTHING, Finding, check, moment, reference, rows
from payments.mirror.projection import SPECS
from payments.models import MirrorObject, StripeEvent
from payments.vocabulary import API_VERSIONS, EVENT_TYPES, WORDS

UPDATE = (
    "Read in Stripe’s changelog what it means. If orders or figures depend on it, update "
    "Countinghouse to a version that knows it; accept the issue if they don’t."
)

# The different kinds of event, each found by one step into the index. For a recursive query.
KINDS = """
kind AS (
    (
        SELECT livemode, api_version, type FROM payments_stripeevent
        ORDER BY livemode, api_version, type LIMIT 1
    )
    UNION ALL
    SELECT later.* FROM kind CROSS JOIN LATERAL (
        SELECT livemode, api_version, type FROM payments_stripeevent AS event
        WHERE (event.livemode, event.api_version, event.type)
            > (kind.livemode, kind.api_version, kind.type)
        ORDER BY livemode, api_version, type LIMIT 1
    ) AS later
)
"""


def unknown_kinds(column: str, condition: str) -> str:
    """SQL of the words of a column of events that aren't ``known``, with how often and when."""
    return f"""
WITH RECURSIVE {KINDS}
SELECT kind.{column} AS word, sum(seen.events)::bigint AS events, min(seen.first) AS first,
    max(seen.last) AS last, max(seen.example) AS example, min(seen.object) AS object
FROM kind CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(received_at) AS first, max(received_at) AS last,
        max(id) AS example, min(object_type) AS object
    FROM payments_stripeevent AS event
    WHERE event.livemode = kind.livemode AND event.api_version = kind.api_version
        AND event.type = kind.type AND event.object_type = ANY(%(objects)s)
) AS seen
WHERE {condition} AND kind.{column} <> ALL(%(known)s) AND seen.events > 0
GROUP BY kind.{column}
ORDER BY kind.{column}
"""


UNKNOWN_TYPES = unknown_kinds("type", "kind.type NOT LIKE 'read.%%'")
UNKNOWN_VERSIONS = unknown_kinds("api_version", "kind.api_version <> ''")


def seen(row: dict[str, object]) -> dict[str, object]:
    """How often, and when, in evidence."""
    return {
        "events": row["events"],
        "first received": moment(row["first"]),  # type: ignore[arg-type]
        "last received": moment(row["last"]),  # type: ignore[arg-type]
        "last event": reference(StripeEvent, row["example"]),
    }


@check(
    name="event_type_unknown",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=EVERYTHING,
    meaning="Stripe sends a type of event that this version doesn’t know, about a kind of object "
    "that it does. The object in it was taken over like any other observation; what else the "
    "event may mean was not.",
    remedy=UPDATE,
)
def event_type_unknown(now: datetime) -> Iterator[Finding]:
    known = {"known": sorted(EVENT_TYPES), "objects": sorted(SPECS)}
    for row in rows(UNKNOWN_TYPES, known):
        yield Finding(
            subject_type="stripe.event_type",
            subject_id=row["word"],
            summary=f"{row['word']} is a type of event that nobody knows",
            evidence={"type": row["word"], "object": row["object"], **seen(row)},
        )


@check(
    name="api_version_unknown",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=EVERYTHING,
    meaning="Events come in an API version that this version of Countinghouse doesn’t know. They "
    "are understood as far as their shape is that of the versions before.",
    remedy="Read in Stripe’s changelog what the version changed. Give the webhook endpoint a "
    "version that is known, or update Countinghouse to one that knows it.",
)
def api_version_unknown(now: datetime) -> Iterator[Finding]:
    known = {"known": sorted(API_VERSIONS), "objects": sorted(SPECS)}
    for row in rows(UNKNOWN_VERSIONS, known):
        yield Finding(
            subject_type="stripe.api_version",
            subject_id=row["word"],
            summary=f"Events come in the API version {row['word']}, which nobody knows",
            evidence={"version": row["word"], "newest known": max(API_VERSIONS), **seen(row)},
        )


def unknown_values(model: type[MirrorObject], columns: list[str]) -> str:
    """SQL of the values of a model's columns that aren't among the words given for each."""
    name = model._meta.model_name
    any_unknown = " OR ".join(
        f"({column} <> ALL(%({name}_{column})s) AND {column} <> '')" for column in columns
    )
    each = ", ".join(f"('{column}', {column}, %({name}_{column})s::text[])" for column in columns)
    return f"""
SELECT '{model.OBJECT}' AS object, told.name, told.value, count(*) AS objects, min(id) AS example
FROM payments_{name} CROSS JOIN LATERAL (VALUES {each}) AS told (name, value, known)
WHERE ({any_unknown}) AND told.value <> '' AND told.value <> ALL(told.known)
GROUP BY told.name, told.value
"""


UNKNOWN_VALUES = (
    " UNION ALL ".join(unknown_values(model, list(columns)) for model, columns in WORDS.items())
    + " ORDER BY object, name, value"
)


@check(
    name="value_unknown",
    kind=Kind.ATTENTION,
    severity=Severity.MEDIUM,
    touches=EVERYTHING,
    meaning="An object of Stripe’s has a value that this version doesn’t know, where rules or "
    "figures go by it. It is kept as it came, and counts as none of those that are known. (A "
    "subscription’s status has a check of its own.)",
    remedy=UPDATE,
)
def value_unknown(now: datetime) -> Iterator[Finding]:
    models = {model.OBJECT: model for model in WORDS}
    known = {
        f"{model._meta.model_name}_{column}": sorted(words)
        for model, columns in WORDS.items()
        for column, words in columns.items()
    }
    for row in rows(UNKNOWN_VALUES, known):
        field = f"{row['object']}.{row['name']}"
        if field == "subscription.status":
            continue
        yield Finding(
            subject_type="stripe.value",
            subject_id=f"{field} {row['value']}",
            summary=f"{row['value']} is a {field} that nobody knows",
            evidence={
                "value": row["value"],
                "of": field,
                "objects": row["objects"],
                "one of them": reference(models[row["object"]], row["example"]),
            },
        )
