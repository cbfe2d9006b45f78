"""Lock-outs: who guessed wrong too often, and is let in again."""

from __future__ import annotations

from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.db import transaction

from auditlog.services import record


def unlock(user: User, *, reason: str) -> bool:
    """Forget the failed attempts at the person's account, from wherever they came; say whether
    there were any."""
    with transaction.atomic():
        forgotten, _ = AccessAttempt.objects.filter(username=user.get_username()).delete()
        if forgotten:
            record("user.unlocked", target=user, reason=reason)
    return bool(forgotten)
