"""What the page of exports shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analyticsapp.exports.sending import SUBJECT
from analyticsapp.models import DaySnapshot, SettlementDay
from auditlog.models import AuditEvent

SHOWN = 20


@dataclass(frozen=True)
class Taken:
    """An export that was begun. ``outcome`` is empty while it runs, and for ever where its process
    was killed."""

    at: datetime
    who: str
    what: str
    days: str
    currency: str
    personal: bool
    outcome: str
    rows: int
    bytes: int
    sha256: str

    @property
    def kilobytes(self) -> str:
        """What was sent, compressed where it was a zip."""
        return f"{self.bytes / 1000:,.1f}"


def taken_lately(packs: Collection[str]) -> list[Taken]:
    """The last exports of these packs, the newest first. Two statements."""
    begun = list(
        AuditEvent.objects.filter(
            action=f"{SUBJECT}.export_started", after__pack__in=list(packs)
        ).order_by("-at", "-id")[:SHOWN]
    )
    ended = list(
        AuditEvent.objects.filter(
            request_id__in=[event.request_id for event in begun], action=f"{SUBJECT}.exported"
        ).order_by("id")
    )
    return [taken(event, outcome_of(event, ended)) for event in begun]


def outcome_of(begun: AuditEvent, ended: Iterable[AuditEvent]) -> Mapping[str, Any]:
    """What became of it. A request id alone doesn't tell: whoever asks may send any."""
    for event in ended:
        if (
            event.pk > begun.pk
            and (event.request_id, event.actor_id) == (begun.request_id, begun.actor_id)
            and begun.after.items() <= event.after.items()
        ):
            found: Mapping[str, Any] = event.after
            return found
    return {}


def taken(event: AuditEvent, how: Mapping[str, Any]) -> Taken:
    about = event.after
    files = how.get("files", [])
    days = f"{about['from']} – {about['to']}" if about["from"] else "all days"
    return Taken(
        at=event.at,
        who=event.actor_name,
        what=about.get("export") or f"{about['pack']} pack",
        days=days,
        currency=about["currency"] or "all",
        personal=about["personal_data"],
        outcome=how.get("outcome", ""),
        rows=how.get("rows", sum(file["rows"] for file in files)),
        bytes=how.get("bytes", sum(file["bytes"] for file in files)),
        sha256=how.get("sha256", ""),
    )


def currencies() -> list[str]:
    """Every currency that any day has figures in. One statement."""
    sold, settled = (
        model._default_manager.order_by().values_list("currency")
        for model in (DaySnapshot, SettlementDay)
    )
    return sorted(currency for (currency,) in sold.union(settled))
