"""Refunds that were asked for here: what was asked, and how far Stripe has answered."""

from __future__ import annotations

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from auditlog.triggers import no_truncate
from payments.models.base import StripeReference, currency_check, currency_field
from payments.models.money import Charge, Refund


class RefundReason(models.TextChoices):
    """The words that Stripe takes (https://docs.stripe.com/api/refunds/create); *fraudulent* puts
    card and address on its block lists."""

    NONE = "", "another reason"
    DUPLICATE = "duplicate", "duplicate"
    FRAUDULENT = "fraudulent", "fraudulent"
    REQUESTED = "requested_by_customer", "requested by customer"


class RefundRequest(models.Model):
    """A refund that somebody asked for: its id is the wish's name, at Stripe too.

    The row is committed before Stripe is asked, so a wish survives whatever happens in between. It
    is *unknown* from the moment in which the question leaves until the refund is seen, because a
    process that dies in between can't say so any more.
    """

    class Status(models.TextChoices):
        RECORDED = "recorded", "not yet at Stripe"
        UNKNOWN = "unknown", "asked, outcome unknown"
        MADE = "made", "made"
        REFUSED = "refused", "refused by Stripe"
        WITHDRAWN = "withdrawn", "withdrawn"

    OPEN = (Status.RECORDED, Status.UNKNOWN)
    IN_NEED = (*OPEN, Status.REFUSED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # A real constraint: nothing can be asked back of a charge that we don't know.
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="refund_requests")
    amount = models.BigIntegerField(help_text="Minor units of the charge's currency.")
    currency = currency_field()
    reason = models.CharField(max_length=32, choices=RefundReason, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, help_text="Why, in our own words.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()

    status = models.CharField(max_length=10, choices=Status, default=Status.RECORDED)
    attempt = models.PositiveSmallIntegerField(
        default=1, help_text="Part of the idempotency key: another attempt may make another refund."
    )
    first_sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When this attempt was first sent to Stripe."
    )
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="Not sent or looked for before this time."
    )
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    code = models.CharField(max_length=64, blank=True, help_text="Stripe's word for the error.")
    refund = StripeReference(Refund)

    class Meta:
        ordering = ["-asked_at", "-id"]
        permissions = [("settle_refundrequest", "Can send, repeat and withdraw refund requests")]
        constraints = [
            currency_check("refundrequest"),
            models.CheckConstraint(name="refundrequest_amount_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="refundrequest_status_known",
                condition=Q(status__in=["recorded", "unknown", "made", "refused", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="refundrequest_reason_known",
                condition=Q(
                    reason__in=["", "duplicate", "fraudulent", "requested_by_customer"],
                ),
            ),
            models.CheckConstraint(
                name="refundrequest_open_has_a_next_time",
                condition=(
                    Q(status__in=["recorded", "unknown"], next_at__isnull=False)
                    | Q(status__in=["made", "refused", "withdrawn"], next_at__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="refundrequest_unknown_was_sent",
                condition=~Q(status="unknown") | Q(first_sent_at__isnull=False),
            ),
            models.CheckConstraint(
                name="refundrequest_made_names_its_refund",
                condition=~Q(status="made") | Q(refund__isnull=False),
            ),
            models.UniqueConstraint(fields=["refund"], name="refundrequest_once_per_refund"),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"],
                name="refundrequest_due",
                condition=Q(status__in=["recorded", "unknown"]),
            ),
            models.Index(
                fields=["asked_at"],
                name="refundrequest_refused",
                condition=Q(status="refused"),
            ),
            models.Index(fields=["-asked_at", "-id"], name="refundrequest_asked"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="says_what_was_asked",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id",
                    "charge",
                    "amount",
                    "currency",
                    "reason",
                    "asked_by",
                    "asked_at",
                ),
                func="RAISE EXCEPTION 'what was asked can''t be changed (%)', OLD.id;",
            ),
            pgtrigger.Trigger(
                name="note_is_only_erased",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "(NOT only_erased(to_jsonb(OLD.note), to_jsonb(NEW.note)))"
                ),
                func="RAISE EXCEPTION 'what was asked can''t be changed (%)', OLD.id;",
            ),
            pgtrigger.Trigger(
                name="made_stays_made",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.status = 'made' AND NEW.status <> 'made'"),
                func="RAISE EXCEPTION 'the refund of % is made', OLD.id;",
            ),
            # A second pair of eyes on what the service checks: under the charge's lock, so that of
            # two requests at once the later one sees the earlier. Whoever reopens a request claims
            # its amount anew.
            pgtrigger.Trigger(
                name="within_what_is_left",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("status"),  # type: ignore[no-untyped-call]
                declare=[("of_charge", "payments_refundable%ROWTYPE")],
                func="""
                    IF NEW.status NOT IN ('recorded', 'unknown') THEN
                        RETURN NULL;
                    END IF;
                    IF TG_OP = 'UPDATE' THEN
                        IF OLD.status IN ('recorded', 'unknown') THEN
                            RETURN NULL;
                        END IF;
                    END IF;
                    PERFORM FROM payments_charge WHERE id = NEW.charge_id FOR NO KEY UPDATE;
                    SELECT * INTO of_charge FROM payments_refundable WHERE id = NEW.charge_id;
                    IF NOT FOUND THEN
                        RAISE EXCEPTION 'nothing of % is captured', NEW.charge_id;
                    END IF;
                    IF of_charge.currency <> NEW.currency THEN
                        RAISE EXCEPTION '% is in %, not in %',
                            NEW.charge_id, of_charge.currency, NEW.currency;
                    END IF;
                    IF of_charge.left_minor < 0 THEN
                        RAISE EXCEPTION '% of % can''t be refunded: it is % too much',
                            NEW.amount, NEW.charge_id, -of_charge.left_minor;
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate("refund requests"),
        ]

    def __str__(self) -> str:
        return f"refund request {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("admin:payments_refundrequest_change", args=[self.pk])
