"""How far the snapshots are up to date: what has changed since, and when they last were."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class DirtyDay(models.Model):
    """A day whose rows changed, written in the transaction that changed them.

    A log that writers only append to, so that they never wait for one another; the refresh empties
    it.
    """

    day = models.DateField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.day)


class DirtySubscriber(models.Model):
    """A customer of Stripe's whose subscriptions changed, written with the change; as DirtyDay."""

    customer_id = models.CharField(max_length=255, db_collation="C")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.customer_id


class SnapshotState(models.Model):
    """One row: when the snapshots were last brought up to date, and for which time zone."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    refreshed_at = models.DateTimeField(
        null=True, blank=True, help_text="Everything committed before this is in the snapshots."
    )
    time_zone = models.CharField(max_length=64, blank=True)
    conventions = models.TextField(
        blank=True, help_text="What counted as recurring revenue when it was last derived."
    )

    class Meta:
        constraints = [models.CheckConstraint(name="snapshotstate_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"as of {self.refreshed_at}"
