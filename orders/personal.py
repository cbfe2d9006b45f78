"""What is personal in this app's rows; see ``auditlog.personal``."""

from __future__ import annotations

from django.db.models import Q

from auditlog.personal import Erasure, Kind, Person, Personal, declare

KEPT = "as long as books must be kept: for good"
REASON = Personal(Kind.FREE_TEXT, "what people noted, in their own words", erasure=Erasure.WORD)


def of_orders(person: Person) -> Q:
    """What belongs to the person's orders."""
    return Q(order__in=person.keys("orders.Order"))


declare(
    "orders.Customer",
    kept=KEPT,
    rows=lambda person: Q(pk__in=person.keys("orders.Customer")),
    email=Personal(
        Kind.EMAIL, "a guest is known by it, and by it alone", erasure=Erasure.PSEUDONYM
    ),
    name=Personal(Kind.NAME, "to know whom one speaks with", erasure=Erasure.BLANK),
)
declare(
    "orders.Order",
    kept=KEPT,
    rows=lambda person: Q(pk__in=person.keys("orders.Order")),
    email=Personal(Kind.EMAIL, "where news of the order goes", erasure=Erasure.PSEUDONYM),
    tracking_number=Personal(
        Kind.DELIVERY, "to find a parcel; the carrier knows its address", erasure=Erasure.BLANK
    ),
    harmless="number carrier",
)
declare("orders.OrderNote", kept=KEPT, rows=of_orders, text=REASON)
declare("orders.OrderTransition", kept=KEPT, rows=of_orders, reason=REASON)
declare("orders.OrderLine", harmless="description")
declare("orders.OrderPayment", harmless="payment")
declare("orders.WaitingPayment", harmless="payment")
declare("orders.Product", harmless="sku name")
