"""Mirror: money moving. Amounts are integers of minor units, under Stripe's own names."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from payments.models.base import (
    MirrorObject,
    StripeReference,
    currency_check,
    currency_field,
    status_field,
)


class PaymentIntent(MirrorObject):
    OBJECT = "payment_intent"
    DASHBOARD = "payments"

    amount = models.BigIntegerField()
    amount_received = models.BigIntegerField(default=0)
    amount_capturable = models.BigIntegerField(default=0)
    currency = currency_field()
    status = status_field()
    capture_method = models.CharField(max_length=64, blank=True)
    customer = StripeReference("payments.Customer")
    latest_charge = StripeReference("payments.Charge")
    invoice = StripeReference("payments.Invoice")
    description = models.TextField(blank=True)
    receipt_email = models.TextField(blank=True)
    cancellation_reason = models.CharField(max_length=64, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    last_error_code = models.CharField(max_length=64, blank=True)
    succeeded_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was first seen to have succeeded."
    )

    class Meta(MirrorObject.Meta):
        constraints = [currency_check("paymentintent")]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="paymentintent_created"),
            models.Index(fields=["customer"], name="paymentintent_customer"),
        ]


class Charge(MirrorObject):
    OBJECT = "charge"
    DASHBOARD = "payments"

    amount = models.BigIntegerField()
    amount_captured = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    currency = currency_field()
    status = status_field()
    paid = models.BooleanField(default=False)
    captured = models.BooleanField(default=False)
    refunded = models.BooleanField(default=False)
    disputed = models.BooleanField(default=False)
    customer = StripeReference("payments.Customer")
    payment_intent = StripeReference(PaymentIntent)
    invoice = StripeReference("payments.Invoice")
    balance_transaction = StripeReference("payments.BalanceTransaction")
    failure_balance_transaction = StripeReference("payments.BalanceTransaction")
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)
    payment_method_type = models.CharField(max_length=64, blank=True)
    email = models.TextField(blank=True)
    description = models.TextField(blank=True)
    capture_before = models.DateTimeField(
        null=True, blank=True, help_text="When an uncaptured authorisation expires."
    )
    captured_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When its money was captured; it stays when the charge fails later.",
    )
    # A payment is its payment intent; a charge made without one stands for itself.
    payment = models.GeneratedField(
        expression=Coalesce("payment_intent", "id"),
        output_field=models.CharField(max_length=255, db_collation="C"),
        db_persist=True,
    )

    class Meta(MirrorObject.Meta):
        constraints = [
            currency_check("charge"),
            models.CheckConstraint(
                name="charge_captured_within_amount",
                condition=Q(amount_captured__gte=0),
            ),
        ]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="charge_created"),
            models.Index(fields=["payment"], name="charge_payment"),
            models.Index(fields=["customer"], name="charge_customer"),
            models.Index(fields=["captured_at"], name="charge_captured_at"),
            models.Index(fields=["balance_transaction"], name="charge_balance_transaction"),
        ]


class Refund(MirrorObject):
    OBJECT = "refund"
    # Not arrived yet, and never to arrive.
    WAITING = ("pending", "requires_action")
    UNDONE = ("failed", "canceled")
    UNSETTLED = (*WAITING, *UNDONE)

    amount = models.BigIntegerField()
    currency = currency_field()
    status = status_field()
    charge = StripeReference(Charge)
    payment_intent = StripeReference(PaymentIntent)
    reason = models.CharField(max_length=64, blank=True)
    balance_transaction = StripeReference("payments.BalanceTransaction")
    failure_balance_transaction = StripeReference("payments.BalanceTransaction")
    failure_reason = models.CharField(max_length=64, blank=True)
    pending_reason = models.CharField(max_length=64, blank=True)
    succeeded_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was first seen to have succeeded."
    )
    failed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was first seen to have failed or been canceled."
    )

    class Meta(MirrorObject.Meta):
        constraints = [
            currency_check("refund"),
            models.CheckConstraint(name="refund_amount_positive", condition=Q(amount__gte=0)),
        ]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="refund_created"),
            models.Index(
                fields=["created", "id"],
                name="refund_unsettled",
                condition=Q(status__in=["pending", "requires_action", "failed", "canceled"]),
            ),
            models.Index(fields=["charge"], name="refund_charge"),
            models.Index(fields=["payment_intent"], name="refund_payment_intent"),
            models.Index(fields=["balance_transaction"], name="refund_balance_transaction"),
            models.Index(
                fields=["failure_balance_transaction"],
                name="refund_failure_transaction",
                condition=Q(failure_balance_transaction__isnull=False),
            ),
            models.Index(fields=["succeeded_at"], name="refund_succeeded_at"),
            models.Index(
                fields=["failed_at"],
                name="refund_failed_at",
                condition=Q(failed_at__isnull=False),
            ),
        ]


class Dispute(MirrorObject):
    OBJECT = "dispute"
    DASHBOARD = "disputes"

    # Stripe's words (https://docs.stripe.com/api/disputes/object#dispute_object-status).
    NEEDS_ANSWER = ("needs_response", "warning_needs_response", "appeal_needs_response")
    UNDER_REVIEW = ("under_review", "warning_under_review", "appeal_under_review")
    CLOSED = ("won", "lost", "warning_closed", "prevented", "charge_refunded")
    # An inquiry, and a dispute that was resolved before the bank opened it.
    MOVES_NO_MONEY = (
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
        "prevented",
    )

    amount = models.BigIntegerField()
    currency = currency_field()
    status = status_field()
    reason = models.CharField(max_length=64, blank=True)
    charge = StripeReference(Charge)
    payment_intent = StripeReference(PaymentIntent)
    is_charge_refundable = models.BooleanField(default=False)
    due_by = models.DateTimeField(null=True, blank=True)
    submission_count = models.PositiveIntegerField(default=0)
    balance_transactions = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text="Ids of all balance transactions that any observation has named.",
    )

    class Meta(MirrorObject.Meta):
        constraints = [currency_check("dispute")]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="dispute_created"),
            models.Index(fields=["charge"], name="dispute_charge"),
            models.Index(fields=["status", "due_by"], name="dispute_due"),
        ]


class BalanceTransaction(MirrorObject):
    """A movement of the Stripe balance, in the settlement currency. All amounts can be negative."""

    OBJECT = "balance_transaction"

    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    net = models.BigIntegerField()
    currency = currency_field()
    type = models.CharField(max_length=64)
    reporting_category = models.CharField(max_length=64)
    balance_type = models.CharField(max_length=64, default="payments")
    status = status_field()
    available_on = models.DateTimeField()
    exchange_rate = models.DecimalField(max_digits=24, decimal_places=12, null=True, blank=True)
    fee_details = models.JSONField(default=list, blank=True)
    description = models.TextField(blank=True)
    source = models.CharField(
        max_length=255, blank=True, db_collation="C", help_text="Id of the object it is for."
    )
    payout = StripeReference("payments.Payout", help_text="The payout that holds it.")

    class Meta(MirrorObject.Meta):
        constraints = [
            currency_check("balancetransaction"),
            models.CheckConstraint(
                name="balancetransaction_net", condition=Q(net=F("amount") - F("fee"))
            ),
        ]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="balancetransaction_created"),
            models.Index(fields=["source"], name="balancetransaction_source"),
            models.Index(fields=["payout"], name="balancetransaction_payout"),
        ]


class BalanceReading(MirrorObject):
    """What Stripe said its balance was at one moment, ``created``.

    Stripe's balance has no id, and each reading stands for itself: it is kept only once all balance
    transactions until then have been listed, so that the two can be compared.
    """

    OBJECT = "balance"
    DASHBOARD = "balance/overview"

    amounts = models.JSONField(
        default=dict,
        help_text="By balance type and currency: available and pending, in minor units.",
    )
    whole_history = models.BooleanField(
        default=False,
        help_text="All balance transactions that there ever were had been listed.",
    )

    class Meta(MirrorObject.Meta):
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="balancereading_created"),
        ]

    @property
    def dashboard_url(self) -> str:
        """The balance's page in Stripe's dashboard: there is one."""
        return super().dashboard_url.removesuffix(f"/{self.pk}")


class Payout(MirrorObject):
    OBJECT = "payout"
    DASHBOARD = "payouts"

    amount = models.BigIntegerField()
    currency = currency_field()
    status = status_field()
    automatic = models.BooleanField(default=True)
    arrival_date = models.DateTimeField(null=True, blank=True)
    destination = models.CharField(max_length=255, blank=True)
    method = models.CharField(max_length=64, blank=True)
    type = models.CharField(max_length=64, blank=True)
    balance_transaction = StripeReference(BalanceTransaction)
    failure_balance_transaction = StripeReference(BalanceTransaction)
    failure_code = models.CharField(max_length=64, blank=True)
    failure_message = models.TextField(blank=True)
    original_payout = StripeReference("self")
    reversed_by = StripeReference("self")
    reconciliation_status = models.CharField(max_length=64, blank=True)

    class Meta(MirrorObject.Meta):
        constraints = [currency_check("payout")]
        indexes = [
            *MirrorObject.Meta.indexes,
            models.Index(fields=["-created", "-id"], name="payout_created"),
        ]
