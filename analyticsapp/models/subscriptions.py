"""What recurs: how subscriptions stood, what moved MRR, and what is left of cohorts."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from payments.models.base import currency_check, currency_field


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
