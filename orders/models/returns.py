"""What refunds were for, and what of it went back into stock."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from auditlog.triggers import no_truncate
from orders.models.orders import OrderLine
from payments.models import RefundRequest


class RefundedLine(models.Model):
    """Units of a line that a refund is for; with ``restock`` they go back into stock, once, when
    that refund succeeds."""

    # Its unique constraint begins with the request: another index would only cost.
    request = models.ForeignKey(
        RefundRequest, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="refunded")
    quantity = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField(help_text="The line's share of the refund.")
    restock = models.BooleanField(default=False)
    restocked = models.PositiveIntegerField(default=0, help_text="Units that went back.")
    restocked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["request", "line"]
        constraints = [
            models.UniqueConstraint(fields=["request", "line"], name="refundedline_once"),
            models.CheckConstraint(
                name="refundedline_numbers",
                condition=Q(quantity__gte=1, amount_minor__gte=0, restocked__lte=F("quantity")),
            ),
            models.CheckConstraint(
                name="refundedline_restocked_as_wanted",
                condition=Q(restock=True) | Q(restocked_at__isnull=True, restocked=0),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="says_what_came_back",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "request", "line", "quantity", "amount_minor", "restock"
                ),
                func="RAISE EXCEPTION 'what a refund is for can''t be changed (%)', OLD.id;",
            ),
            pgtrigger.Trigger(
                name="restocked_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.restocked_at IS NOT NULL"),
                func="RAISE EXCEPTION 'line % was restocked already', OLD.id;",
            ),
            # Under the line's lock, so that of two refunds at once the later one sees the earlier.
            # A refund that came to nothing returns nothing.
            pgtrigger.Trigger(
                name="within_the_line",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                declare=[
                    ("of_line", "orders_orderline%ROWTYPE"),
                    ("wanted", "bigint"),
                    ("waiting", "bigint"),
                ],
                func="""
                    SELECT * INTO of_line FROM orders_orderline WHERE id = NEW.line_id
                        FOR NO KEY UPDATE;
                    SELECT sum(one.quantity),
                        sum(one.quantity) FILTER (WHERE one.restock AND one.restocked_at IS NULL)
                        INTO wanted, waiting
                    FROM orders_refundedline AS one
                    JOIN payments_refundrequest AS request ON request.id = one.request_id
                    LEFT JOIN payments_refund AS refund ON refund.id = request.refund_id
                    WHERE one.line_id = NEW.line_id
                        AND request.status NOT IN ('refused', 'withdrawn')
                        AND coalesce(refund.status, '') NOT IN ('failed', 'canceled');
                    IF wanted > of_line.quantity THEN
                        RAISE EXCEPTION 'line % has % units, and % would be refunded',
                            NEW.line_id, of_line.quantity, wanted;
                    END IF;
                    IF waiting > of_line.taken THEN
                        RAISE EXCEPTION 'line % has % units from stock, and % would go back',
                            NEW.line_id, of_line.taken, waiting;
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate("what refunds were for"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.line.description}"
