"""Builds a real row of any model, from its fields alone, for tests that walk all models."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import stripe
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from auditlog.idranges import IdRangesField
from payments.models import Charge, MirrorObject
from payments.vocabulary import WORDS

M = TypeVar("M", bound=models.Model)

NOW = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
_numbers = count(1)

# What a model's constraints ask for beyond its fields' types.
NEEDED: dict[str, dict[str, Any]] = {
    "orders.customer": {"email": lambda: f"buyer{next(_numbers)}@example.com"},
    "orders.orderline": {"quantity": 2},
    "orders.refundedline": {"quantity": 1, "restocked": 0},
    "orders.ordertransition": {"reason": "for the test", "to_status": "paid"},
    "payments.balancetransaction": {"amount": 10_000, "fee": 320, "net": 9_680},
    "payments.stripeevent": {"api_version": stripe.api_version, "livemode": False},
    "payments.refundrequest": {
        "amount": 100,
        "next_at": NOW,
        "charge": lambda: build(
            Charge, amount=5_000, amount_captured=5_000, status="succeeded", captured_at=NOW
        ),
    },
    "monitoring.alertdelivery": {"next_at": NOW},
    "monitoring.issue": {"amount_minor": -1234567, "currency": "usd", "muted_until": None},
    "monitoring.issuetransition": {"reason": "for the test", "until": None},
    "analyticsapp.snapshotstate": {"id": 1},
    "analyticsapp.bridgeday": {"counterpart": "eur"},
    "analyticsapp.cohortmonth": {
        "customers": 9,
        "retained": 7,
        "started_minor": 900,
        "gross_minor": 700,
        "net_minor": 800,
    },
    "analyticsapp.subscriptionday": {
        "opening_minor": 1_000,
        "new_minor": 500,
        "expansion_minor": 200,
        "reactivation_minor": 100,
        "contraction_minor": 50,
        "churn_minor": 150,
        "mrr_minor": 1_600,
        "opening_customers": 10,
        "new_customers": 5,
        "reactivation_customers": 1,
        "churn_customers": 2,
        "subscribers": 14,
    },
}


def our_models() -> list[type[models.Model]]:
    """Every model of the project's own apps that has a table."""
    ours = {"auditlog", "payments", "orders", "analyticsapp", "monitoring", "governance", "release"}
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in ours and model._meta.managed and not model._meta.proxy
    ]


def build(model: type[M], **values: Any) -> M:
    """A stored row of ``model``: optional fields filled too where their type allows, so that what
    is shown and computed from them is exercised. References get rows of their own."""
    needed = NEEDED.get(model._meta.label_lower, {})
    given: dict[str, Any] = {
        **{
            name: value() if callable(value) else value
            for name, value in needed.items()
            if name not in values
        },
        **values,
    }
    known = WORDS.get(model, {}) if issubclass(model, MirrorObject) else {}
    for field in model._meta.concrete_fields:
        if field.name in given or field.attname in given or field.generated:
            continue
        if isinstance(field, models.ForeignKey):
            if not field.null:
                given[field.name] = build(field.related_model)
        elif not isinstance(field, models.AutoField) and not (
            field.has_default() or field.auto_created
        ):
            words = known.get(field.name)
            given[field.name] = max(words) if words else value_for(field)
    row = model(**given)
    row.save(force_insert=True)
    return model._base_manager.get(pk=row.pk)


def multiply(row: models.Model, times: int, **columns: str) -> None:
    """Store as many rows more that are like this one, by one statement.

    ``columns`` has SQL for what differs, in which ``n`` is the number of the copy, from 1. Keys
    come from their sequence.
    """
    fields = [f for f in row._meta.concrete_fields if not (f.primary_key or f.generated)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(columns.get(str(field.column), f'"{field.column}"') for field in fields)
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" ({names}) SELECT {values} '
            f'FROM "{table}", generate_series(1, %s) AS n WHERE "{row._meta.pk.column}" = %s',
            [times, row.pk],
        )


def value_for(field: models.Field[Any, Any]) -> Any:
    """A plausible value of the field's type."""
    number = next(_numbers)
    if field.choices and not field.null:
        return next(iter(field.flatchoices))[0]
    if field.name == "currency":
        return "usd"
    match field:
        case models.DateTimeField():
            # A time that a constraint ties to the status stays away.
            return None if field.null and field.name.endswith("_at") else NOW
        case models.DateField():
            return date(2025, 3, 1)
        case models.BooleanField():
            return True
        case models.BigIntegerField():
            return 123_456 + number
        case models.IntegerField():
            return number
        case models.DecimalField():
            return 12
        case models.JSONField():
            return {}
        case ArrayField():
            return []
        case IdRangesField():
            return ((number, number + 3),)
        case models.BinaryField():
            return bytes(32)
        case models.GenericIPAddressField():
            return None
        case models.UUIDField():
            return UUID(int=number)
        case models.CharField() | models.TextField():
            if field.null:
                return None
            prefix = f"{field.model._meta.model_name}_" if field.primary_key else "a"
            return f"{prefix}{number}"
    raise TypeError(f"{field} is of a type that no test has had before")


def build_job() -> int:
    """A job of the queue; its table isn't one of ours, and only its functions fill it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) "
            "VALUES ('default', 'monitoring.run_checks', '{}', 'todo') RETURNING id"
        )
        key: int = cursor.fetchone()[0]
    return key
