"""What an order's captures and refunds say about it: a pure function of what happened when.

Nothing here depends on the order in which we heard of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Capture:
    """Money of a charge, captured; ``amount`` in minor units of the order's currency."""

    charge_id: str
    amount: int
    at: datetime


@dataclass(frozen=True)
class Refunded:
    """A refund of captured money, which came back later if it failed."""

    refund_id: str
    amount: int
    at: datetime
    returned_at: datetime | None = None


@dataclass(frozen=True)
class Course:
    """When the order became paid and when it was fully refunded, each with the Stripe object that
    did it, and the amounts as they stand now."""

    captured: int
    refunded: int
    paid_at: datetime | None = None
    paid_by: str = ""
    canceled_at: datetime | None = None
    canceled_by: str = ""


def course(required: int, captures: Iterable[Capture], refunds: Iterable[Refunded]) -> Course:
    """Follow the money in time.

    The order is paid once ``required`` is captured. It is canceled at the first moment from then on
    at which all that was captured has been refunded, even if such a refund failed later. Of what
    happened in the same second, captures come first and failures last: a refund follows its charge.
    """
    captures, refunds = list(captures), list(refunds)
    moments = [(capture.at, 0, capture.charge_id, capture.amount, 0) for capture in captures]
    for refund in refunds:
        moments.append((refund.at, 1, refund.refund_id, 0, refund.amount))
        if refund.returned_at is not None:
            # One that is said to have failed before it counted still counted first.
            returned_at = max(refund.at, refund.returned_at)
            moments.append((returned_at, 2, refund.refund_id, 0, -refund.amount))
    moments.sort()
    captured = refunded = 0
    paid_at = canceled_at = None
    paid_by = canceled_by = ""
    for index, (at, _, object_id, capture_amount, refund_amount) in enumerate(moments):
        captured += capture_amount
        refunded += refund_amount
        if paid_at is None and captured > 0 and captured >= required:
            paid_at, paid_by = at, object_id
        same_next = index + 1 < len(moments) and moments[index + 1][:2] == moments[index][:2]
        if (
            paid_at is not None
            and canceled_at is None
            and refunded >= captured > 0
            and not same_next
        ):
            canceled_at, canceled_by = at, object_id
    return Course(
        captured=captured,
        refunded=refunded,
        paid_at=paid_at,
        paid_by=paid_by,
        canceled_at=canceled_at,
        canceled_by=canceled_by,
    )
