"""Read-only views of the mirror in the database."""

from __future__ import annotations

from django.db import models


class CountedRefund(models.Model):
    """A refund of captured money that succeeded: the only refunds that any figure counts.

    Left out is money that was never captured: a released authorisation, or what a capture of less
    than was authorised gave back, which names no balance transaction or one of category
    ``partial_capture_reversal``. A refund of just that amount counts once its transaction is here
    and is another. A refund counts on its balance transaction's date; one that
    failed later came back on ``returned_at``.
    """

    id = models.CharField(max_length=255, primary_key=True)
    charge_id = models.CharField(max_length=255)
    payment = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    counted_at = models.DateTimeField()
    returned_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "payments_counted_refund"
        default_permissions = ()

    def __str__(self) -> str:
        return self.id


class Refundable(models.Model):
    """A captured charge and how much of it can still be refunded, in minor units of its currency.

    ``left_minor`` is ``captured`` less ``refunded`` (refunds that neither failed nor were canceled,
    or what the charge itself says, if that is more), less ``asked`` (requests that Stripe hasn't
    answered), less ``disputed``. Money of a released authorisation was never captured and counts
    nowhere. It is negative where more was taken away than was captured.

    ``disputed`` is what a bank holds or may take, for whoever refunded that too would pay twice. A
    dispute holds its amount unless Stripe says that the charge is refundable (an inquiry: a refund
    ends it), and unless it ended for us (*won*, *warning_closed*, *prevented*; of old also
    *charge_refunded*) and every withdrawal has come back:
    https://docs.stripe.com/api/disputes/object#dispute_object-is_charge_refundable.
    Withdrawals are counted, not summed: they may come back at another rate. A dispute in another
    currency than its charge holds all of it, since the two can't be compared. A status that we
    don't know holds.
    """

    id = models.CharField(max_length=255, primary_key=True)
    payment = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    captured_at = models.DateTimeField()
    captured = models.BigIntegerField()
    refunded = models.BigIntegerField()
    asked = models.BigIntegerField()
    disputed = models.BigIntegerField()
    left_minor = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "payments_refundable"
        default_permissions = ()

    def __str__(self) -> str:
        return self.id

    @property
    def left(self) -> int:
        """What can be refunded, never negative."""
        return max(self.left_minor, 0)
