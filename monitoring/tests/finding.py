"""What a check finds, without a run."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from monitoring import registry
from monitoring.registry import Finding


def findings(name: str, now: datetime | None = None) -> list[Finding]:
    """What the check of that name finds at this moment."""
    check = registry.get(name)
    assert check is not None
    with transaction.atomic():
        return list(check.find(now or timezone.now()))
