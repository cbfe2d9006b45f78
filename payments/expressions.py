"""Money in SQL: the rules of ``payments.money`` as expressions of the database."""

from __future__ import annotations

from django.db.models import Case, F, Func, TextField, When
from django.db.models.expressions import Combinable

from payments.money import THREE_DECIMAL, ZERO_DECIMAL


class Scaled(Func):
    """An integer of minor units as text with so many decimals."""

    output_field = TextField()

    def __init__(self, amount: str | Combinable, decimals: int) -> None:
        super().__init__(
            amount,
            template=f"round(%(expressions)s / {10**decimals}.0, {decimals})::text",
        )


def decimal_text(amount: str, currency: str = "currency") -> Case:
    """The amount in ``amount`` with as many decimals as its currency has: ``-1234`` of ``usd`` is
    ``-12.34``, of ``jpy`` ``-1234``. Null stays null."""
    return Case(
        When(**{f"{currency}__in": sorted(ZERO_DECIMAL)}, then=Scaled(F(amount), 0)),
        When(**{f"{currency}__in": sorted(THREE_DECIMAL)}, then=Scaled(F(amount), 3)),
        default=Scaled(F(amount), 2),
        output_field=TextField(),
    )
