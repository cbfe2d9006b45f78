"""The commercial ledger: what was sold by day and product, and to how many customers."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from payments.models.base import currency_check, currency_field


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
    refunded_orders = models.PositiveIntegerField(
        default=0, help_text="Orders paid on the day that have been refunded, in part or whole."
    )
    discounts_minor = models.BigIntegerField(default=0, help_text="Of the orders that know.")
    discounts_unknown = models.PositiveIntegerField(default=0, help_text="Orders that don't.")
    tax_minor = models.BigIntegerField(default=0)
    tax_unknown = models.PositiveIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)
    shipping_unknown = models.PositiveIntegerField(default=0)
    units = models.PositiveBigIntegerField(default=0, help_text="Units of those orders.")
    attempts = models.PositiveIntegerField(default=0, help_text="Charges tried on the day.")
    failures = models.PositiveIntegerField(default=0, help_text="Those that took no money.")
    disputed = models.PositiveIntegerField(
        default=0, help_text="Charges captured on the day that were disputed, whenever that was."
    )
    disputed_minor = models.BigIntegerField(default=0, help_text="What those had captured.")
    fulfilled = models.PositiveIntegerField(default=0, help_text="Orders fulfilled on the day.")
    fulfilment_seconds = models.BigIntegerField(
        default=0, help_text="From paid to fulfilled, over those orders."
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


class ProductDay(models.Model):
    """What the orders paid on a day had of a product; lines of no product stand together."""

    day = models.DateField()
    currency = currency_field()
    product = models.ForeignKey(
        "orders.Product",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    orders = models.PositiveIntegerField()
    units = models.PositiveBigIntegerField()
    sales_minor = models.BigIntegerField(help_text="After discounts, before refunds.")
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("productday"),
            models.UniqueConstraint(
                fields=["day", "currency", "product"],
                nulls_distinct=False,
                name="productday_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency} {self.product_id}"


class WindowDay(models.Model):
    """The distinct customers of the window that ends on ``day``.

    A guest who is known to be a customer is that one. Orders of nobody in particular have none.
    """

    class Span(models.TextChoices):
        """Which days the window has."""

        DAYS_7 = "7", "7 days"
        DAYS_30 = "30", "30 days"
        DAYS_90 = "90", "90 days"
        MONTH = "month", "the month, up to the day"
        QUARTER = "quarter", "the quarter, up to the day"

    day = models.DateField()
    currency = currency_field()
    span = models.CharField(max_length=10, choices=Span)
    new_customers = models.PositiveIntegerField(
        help_text="Who made their first purchase ever, in this currency."
    )
    returning_customers = models.PositiveIntegerField(help_text="Others who bought in it.")
    customers = models.GeneratedField(
        expression=F("new_customers") + F("returning_customers"),
        output_field=models.PositiveIntegerField(),
        db_persist=True,
    )
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("windowday"),
            models.UniqueConstraint(fields=["day", "currency", "span"], name="windowday_once"),
            models.CheckConstraint(
                name="windowday_span_known",
                condition=Q(span__in=["7", "30", "90", "month", "quarter"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_span_display()} to {self.day} {self.currency}"
