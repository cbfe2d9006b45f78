"""Daily snapshots: what pages read, so that none computes from orders."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from payments.models.base import currency_check, currency_field


class DirtyDay(models.Model):
    """A day whose rows changed, written in the transaction that changed them.

    A log that writers only append to, so that they never wait for one another; the refresh empties
    it.
    """

    day = models.DateField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.day)


class DaySnapshot(models.Model):
    """The commercial ledger of one day of ``REPORTING_TIME_ZONE`` and currency, in minor units."""

    day = models.DateField()
    currency = currency_field()
    gross_minor = models.BigIntegerField(help_text="Captured on the day.")
    payments = models.PositiveIntegerField(help_text="How many charges were captured.")
    refunds_minor = models.BigIntegerField(
        help_text="Refunds of captured money, less those that failed on the day."
    )
    refunds = models.IntegerField(help_text="How many refunds, less how many failed.")
    orders = models.PositiveIntegerField(help_text="Orders paid on the day.")
    order_value_minor = models.BigIntegerField(help_text="What those orders captured.")
    net_sales_minor = models.GeneratedField(
        expression=F("gross_minor") - F("refunds_minor"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    built_at = models.DateTimeField(help_text="When these figures were last seen to differ.")

    class Meta:
        constraints = [
            currency_check("daysnapshot"),
            models.UniqueConstraint(fields=["currency", "day"], name="daysnapshot_once"),
            models.CheckConstraint(name="daysnapshot_gross", condition=Q(gross_minor__gte=0)),
        ]
        indexes = [models.Index(fields=["day"], name="daysnapshot_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.currency}"


class SnapshotState(models.Model):
    """One row: when the snapshots were last brought up to date, and for which time zone."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    refreshed_at = models.DateTimeField(
        null=True, blank=True, help_text="Everything committed before this is in the snapshots."
    )
    time_zone = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="snapshotstate_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"as of {self.refreshed_at}"
