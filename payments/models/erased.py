"""Whose data must not come back."""

from __future__ import annotations

import pgtrigger
from django.db import models

from auditlog.triggers import no_truncate


class ErasedKey(models.Model):
    """A key by which something that Stripe says is known to be about an erased person: the id of
    one of Stripe's objects, or ``email:`` and a keyed digest of an address.

    The inbox looks each event up here. An address counts for what is older than ``erased_at``: who
    buys anew is somebody anew.
    """

    EMAIL = "email:"

    key = models.CharField(max_length=255, primary_key=True, db_collation="C")
    erased_at = models.DateTimeField()

    class Meta:
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate("whom to forget"),
        ]

    def __str__(self) -> str:
        return self.key
