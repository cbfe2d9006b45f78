"""Read-only views of the mirror in the database."""

from __future__ import annotations

from django.db import models


class CountedRefund(models.Model):
    """A refund of captured money that succeeded: the only refunds that any figure counts.

    Left out is money that was never captured: a released authorisation, or what a capture of less
    than was authorised gave back. A refund counts on its balance transaction's date; one that
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
