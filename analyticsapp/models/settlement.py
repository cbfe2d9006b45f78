"""The settlement ledger by day, and the bridge that leads there from sales."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from payments.models.base import currency_check, currency_field


class SettlementDay(models.Model):
    """The balance transactions of one day, settlement currency and reporting category."""

    day = models.DateField()
    currency = currency_field()
    category = models.CharField(max_length=64, help_text="Stripe's reporting_category.")
    transactions = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    net_minor = models.GeneratedField(
        expression=F("amount_minor") - F("fee_minor"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("settlementday"),
            models.UniqueConstraint(
                fields=["day", "currency", "category"], name="settlementday_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency} {self.category}"


class FeeDay(models.Model):
    """Fees of one day by type; what Stripe gives back is negative."""

    day = models.DateField()
    currency = currency_field()
    type = models.CharField(max_length=64)
    amount_minor = models.BigIntegerField()
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("feeday"),
            models.UniqueConstraint(fields=["day", "currency", "type"], name="feeday_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency} {self.type}"


class DisputeDay(models.Model):
    """The disputes opened on a day, in their own currency, by what they are now."""

    day = models.DateField()
    currency = currency_field()
    status = models.CharField(max_length=64, help_text="Stripe's.")
    amount_minor = models.BigIntegerField()
    disputes = models.PositiveIntegerField()
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("disputeday"),
            models.UniqueConstraint(fields=["day", "currency", "status"], name="disputeday_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency} {self.status}"


class BridgeDay(models.Model):
    """A line of the bridge from a day's net sales to what Stripe settled, in one currency.

    The lines of a day and currency add up to what Stripe's balance in it changed by. What is
    exchanged leaves one currency by one row and comes into the other by another.
    """

    day = models.DateField()
    currency = currency_field()
    counterpart = currency_field(
        blank=True,
        help_text="On the other side: the settlement's currency, or the one customers paid in.",
    )
    line = models.CharField(max_length=80)
    other_day = models.DateField(
        null=True,
        blank=True,
        help_text="Of what is captured on one day and in the balance on another: the other one.",
    )
    amount_minor = models.BigIntegerField()
    rows = models.PositiveIntegerField(help_text="How many charges, refunds or transactions.")
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("bridgeday"),
            models.CheckConstraint(
                name="bridgeday_counterpart",
                condition=Q(counterpart__regex=r"^[a-z]{3}$") | Q(counterpart=""),
            ),
            models.UniqueConstraint(
                fields=["day", "currency", "counterpart", "line", "other_day"],
                nulls_distinct=False,
                name="bridgeday_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency} {self.line}"
