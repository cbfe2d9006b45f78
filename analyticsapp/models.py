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


class DirtySubscriber(models.Model):
    """A customer of Stripe's whose subscriptions changed, written with the change; as DirtyDay."""

    customer_id = models.CharField(max_length=255, db_collation="C")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.customer_id


class SubscriptionSpan(models.Model):
    """A time in which a subscription's status and worth were the same.

    Derived from all observations of the subscription; the spans of one follow one another.
    """

    class Origin(models.TextChoices):
        EVENTS = "events", "events and reads"
        INVOICES = "invoices", "its invoices"  # older than the events that Stripe lists
        ASSUMED = "assumed", "its start date"  # neither tells what it was before it was first seen

    subscription_id = models.CharField(max_length=255, db_collation="C")
    customer_id = models.CharField(max_length=255, db_collation="C")
    currency = currency_field(blank=True)
    status = models.CharField(max_length=64)
    mrr_minor = models.BigIntegerField(help_text="0 while its status doesn't count.")
    lines = models.JSONField(help_text="A list of item, product, quantity, mrr_minor.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it is so now.")
    origin = models.CharField(max_length=10, choices=Origin)

    class Meta:
        constraints = [
            currency_check("subscriptionspan", nullable=True),
            models.UniqueConstraint(
                fields=["subscription_id", "starts_at"], name="subscriptionspan_once"
            ),
            models.UniqueConstraint(
                fields=["subscription_id"],
                condition=Q(ends_at__isnull=True),
                name="subscriptionspan_one_now",
            ),
            models.CheckConstraint(
                name="subscriptionspan_lasts",
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
            ),
            models.CheckConstraint(
                name="subscriptionspan_origin_known",
                condition=Q(origin__in=["events", "invoices", "assumed"]),
            ),
        ]
        indexes = [
            models.Index(fields=["customer_id"], name="subscriptionspan_customer"),
            models.Index(fields=["currency", "starts_at"], name="subscriptionspan_starts"),
            # What changed on a day in any currency, for SubscriptionDay.
            models.Index(fields=["starts_at"], name="subscriptionspan_started"),
            models.Index(fields=["ends_at"], name="subscriptionspan_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.status} from {self.starts_at:%Y-%m-%d}"


class MrrMovement(models.Model):
    """What moved a customer's MRR in one currency on one day of ``REPORTING_TIME_ZONE``.

    The movements up to a day add up to its MRR.
    """

    class Kind(models.TextChoices):
        NEW = "new", "new"
        EXPANSION = "expansion", "expansion"
        CONTRACTION = "contraction", "contraction"
        CHURN = "churn", "churn"
        REACTIVATION = "reactivation", "reactivation"

    customer_id = models.CharField(max_length=255, db_collation="C")
    currency = currency_field()
    day = models.DateField()
    kind = models.CharField(max_length=12, choices=Kind)
    amount_minor = models.BigIntegerField(help_text="Churn and contraction are negative.")
    mrr_minor = models.BigIntegerField(help_text="The customer's MRR at the end of the day.")

    class Meta:
        constraints = [
            currency_check("mrrmovement"),
            models.UniqueConstraint(
                fields=["customer_id", "currency", "day"], name="mrrmovement_once_a_day"
            ),
            models.UniqueConstraint(
                fields=["customer_id", "currency"],
                condition=Q(kind="new"),
                name="mrrmovement_new_once",
            ),
            models.CheckConstraint(
                name="mrrmovement_sign",
                condition=Q(kind__in=["new", "expansion", "reactivation"], amount_minor__gt=0)
                | Q(kind__in=["churn", "contraction"], amount_minor__lt=0),
            ),
        ]
        indexes = [
            models.Index(fields=["currency", "day"], name="mrrmovement_day"),
            models.Index(fields=["day"], name="mrrmovement_any_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id} on {self.day}"


class SubscriptionDay(models.Model):
    """Recurring revenue of one day of ``REPORTING_TIME_ZONE`` and currency: how it stands at the
    end of the day, and what moved on it. From the first day that has any there is one for each.
    """

    day = models.DateField()
    currency = currency_field()
    mrr_minor = models.BigIntegerField(help_text="All movements up to the day.")
    subscribers = models.IntegerField(help_text="Customers whose MRR is more than 0.")
    active = models.IntegerField(help_text="Subscriptions, at the end of the day.")
    trialing = models.IntegerField()
    past_due = models.IntegerField()
    unpaid = models.IntegerField()
    paused = models.IntegerField()
    from_invoices = models.IntegerField(help_text="Subscriptions that only invoices tell of then.")
    assumed = models.IntegerField(help_text="Those that nothing tells of then but their start.")
    canceled = models.IntegerField(help_text="Subscriptions that ended on the day.")
    opening_minor = models.BigIntegerField(help_text="MRR of the day before.")
    opening_customers = models.IntegerField(help_text="Subscribers of the day before.")
    new_minor = models.BigIntegerField()
    new_customers = models.IntegerField()
    expansion_minor = models.BigIntegerField()
    expansion_customers = models.IntegerField()
    contraction_minor = models.BigIntegerField(help_text="What was lost, above 0; as of churn.")
    contraction_customers = models.IntegerField()
    churn_minor = models.BigIntegerField()
    churn_customers = models.IntegerField()
    reactivation_minor = models.BigIntegerField()
    reactivation_customers = models.IntegerField()
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("subscriptionday"),
            models.UniqueConstraint(fields=["day", "currency"], name="subscriptionday_once"),
            models.CheckConstraint(
                name="subscriptionday_adds_up",
                condition=Q(
                    mrr_minor=F("opening_minor")
                    + F("new_minor")
                    + F("expansion_minor")
                    + F("reactivation_minor")
                    - F("contraction_minor")
                    - F("churn_minor")
                ),
            ),
            models.CheckConstraint(
                name="subscriptionday_subscribers_add_up",
                condition=Q(
                    subscribers=F("opening_customers")
                    + F("new_customers")
                    + F("reactivation_customers")
                    - F("churn_customers")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency}"


class CohortMonth(models.Model):
    """What is left of a cohort at the end of a month, or now while that isn't over.

    A cohort is the customers who first had MRR, in this currency, in one month.
    """

    day = models.DateField(help_text="The month, by its first day.")
    currency = currency_field()
    cohort = models.DateField(help_text="The month in which they began, by its first day.")
    customers = models.PositiveIntegerField(help_text="Who began.")
    retained = models.PositiveIntegerField(help_text="Those of them who have MRR.")
    started_minor = models.BigIntegerField(help_text="The MRR that each began with.")
    gross_minor = models.BigIntegerField(help_text="MRR, of each at most what it began with.")
    net_minor = models.BigIntegerField(help_text="MRR, with what they added.")
    built_at = models.DateTimeField()

    class Meta:
        constraints = [
            currency_check("cohortmonth"),
            models.UniqueConstraint(fields=["currency", "cohort", "day"], name="cohortmonth_once"),
            models.CheckConstraint(
                name="cohortmonth_within",
                condition=Q(
                    retained__lte=F("customers"),
                    gross_minor__lte=F("started_minor"),
                    net_minor__gte=F("gross_minor"),
                ),
            ),
            models.CheckConstraint(
                name="cohortmonth_months",
                condition=Q(cohort__lte=F("day"), cohort__day=1, day__day=1),
            ),
        ]
        indexes = [models.Index(fields=["day"], name="cohortmonth_day")]

    def __str__(self) -> str:
        return f"{self.cohort:%Y-%m} {self.currency} in {self.day:%Y-%m}"


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


class ExportPermission(models.Model):
    """Who may take which pack of exports, and whether with personal data. It has no rows."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("export_finance", "Can export the finance pack"),
            ("export_operations", "Can export the operations pack"),
            ("export_bi", "Can export the BI pack"),
            ("export_personal_data", "Can have personal data in an export"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
