"""What people did in Countinghouse while the demo's past went on.

The history only says what and when, so that it follows from its seed without a database;
``release.demo.desk`` does it, through the services that the admin's buttons call.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from release.demo.shop import ShopOrder

OPERATOR = "operator"


@dataclass(frozen=True)
class Act:
    """Something done at a moment (Unix seconds)."""

    at: int


@dataclass(frozen=True)
class Told(Act):
    """The shop's app told us of an order."""

    order: ShopOrder
    late: bool = False


@dataclass(frozen=True)
class Asked(Act):
    """The operator asked for a refund of a payment; ``exactly`` then, knowing all until then."""

    intent: str
    amount: int
    request: UUID
    stripe_reason: str
    reason: str
    exactly: bool = False


@dataclass(frozen=True)
class Looked(Act):
    """These checks ran."""

    checks: tuple[str, ...]


@dataclass(frozen=True)
class Decided(Act):
    """Somebody took a check's open issues in hand, or set them aside (for ``days``)."""

    who: str
    decision: str
    check: str
    reason: str
    days: int = 0


@dataclass(frozen=True)
class Remedied(Act):
    """Somebody used a remedy of a check's open issues; what it did came by Stripe or the shop."""

    who: str
    check: str
    remedy: str
    reason: str


@dataclass(frozen=True)
class CalledOff(Act):
    """The operator canceled an order that nobody paid."""

    number: str
    reason: str


@dataclass(frozen=True)
class Redelivered(Act):
    """Stripe delivered what it couldn't before, once the webhook answered again."""


@dataclass(frozen=True)
class Drifted(Act):
    """Somebody altered a day's figures in the database itself."""
