"""An order's timeline and money, as its page shows them: linked where the reader may look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from orders.detail import OrderDetail
from orders.timeline import MOST, Entry
from payments.models import PaymentIntent

if TYPE_CHECKING:
    from payments.ledger import Movement

SHOWN = 60
Reader = User | AnonymousUser


@dataclass(frozen=True)
class Told:
    """An entry with the addresses of what it is about and of what told of it."""

    entry: Entry
    url: str
    event_url: str


@dataclass(frozen=True)
class Moved:
    """A movement on the balance with the addresses of its source and of itself."""

    movement: Movement
    url: str
    source_url: str


def page_of(reader: Reader, model: type[Model], key: object) -> str:
    """The address of a row's page; empty where it has none, or not for this reader."""
    meta = model._meta
    if not reader.has_perm(f"{meta.app_label}.view_{meta.model_name}"):
        return ""
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(str(key))])
    except NoReverseMatch:
        return ""


def story(detail: OrderDetail, reader: Reader, everything: bool) -> dict[str, Any]:
    """What the page's templates need."""
    entries = detail.entries if everything else detail.entries[:SHOWN]
    movements = detail.settlement.movements
    latest = movements if everything else movements[-SHOWN:]
    return {
        "detail": detail,
        "entries": [
            Told(
                entry,
                page_of(reader, *entry.link) if entry.link else "",
                page_of(reader, type(entry.event), entry.event.pk) if entry.event else "",
            )
            for entry in entries
        ],
        "hidden": len(detail.entries) - len(entries),
        "payments": [
            (key, page_of(reader, PaymentIntent, key)) for key in detail.facts.payments[:SHOWN]
        ],
        "movements": [
            Moved(
                movement,
                page_of(reader, type(movement.transaction), movement.transaction.pk),
                page_of(reader, type(movement.source), movement.source.pk),
            )
            for movement in latest
        ],
        "hidden_movements": len(movements) - len(latest),
        "totals": detail.settlement.known,
        "missing": detail.settlement.missing[:SHOWN],
        "most": MOST,
    }
