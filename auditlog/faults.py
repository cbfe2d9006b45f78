"""What can be wrong with the audit log, and how it is named."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class Kind(models.TextChoices):
    """What was done to the log, as far as it can be told from what is left."""

    ROW_ALTERED = "row_altered", "row altered"
    ROW_DELETED = "row_deleted", "row deleted"
    ROW_INSERTED = "row_inserted", "row inserted"
    SEAL_ALTERED = "seal_altered", "seal altered"
    SEAL_DELETED = "seal_deleted", "seal deleted"
    SEAL_INSERTED = "seal_inserted", "seal inserted"
    SEAL_REORDERED = "seal_reordered", "seal reordered"
    CHAIN_BROKEN = "chain_broken", "chain broken"
    TRUNCATED = "truncated", "truncated"
    UNSEALED = "unsealed", "not sealed"
    ANOTHER_HISTORY = "another_history", "another history"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; in which seal and at which ids, where it concerns any."""

    kind: Kind
    text: str
    seal: int | None = None
    ids: str = ""

    def __str__(self) -> str:
        return f"{self.kind.label}: {self.text}"
