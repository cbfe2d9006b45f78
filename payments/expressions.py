"""Money in SQL: the rules of ``payments.money`` as expressions of the database."""

from __future__ import annotations

from django.db.models import Case, F, Func, TextField, When
from django.db.models.expressions import Combinable

from payments.money import THREE_DECIMAL, ZERO_DECIMAL

# What minor units are multiplied by. A product has the decimals of its factors, exactly; a quotient
# would have to be rounded to them.
WHOLE, TENTHS_OF_CENTS, CENTS = "1.", "0.001", "0.01"


class Scaled(Func):
    """An integer of minor units as text, with as many decimals as the factor has."""

    output_field = TextField()

    def __init__(self, amount: str | Combinable, factor: str) -> None:
        super().__init__(amount, template=f"(%(expressions)s * {factor})::text")


def decimal_text(amount: str, currency: str = "currency") -> Case:
    """The amount in ``amount`` with as many decimals as its currency has: ``-1234`` of ``usd`` is
    ``-12.34``, of ``jpy`` ``-1234``. Null stays null."""
    return Case(
        When(**{f"{currency}__in": sorted(ZERO_DECIMAL)}, then=Scaled(F(amount), WHOLE)),
        When(**{f"{currency}__in": sorted(THREE_DECIMAL)}, then=Scaled(F(amount), TENTHS_OF_CENTS)),
        default=Scaled(F(amount), CENTS),
        output_field=TextField(),
    )


def decimal_sql(amount: str, currency: str) -> str:
    """The same number as SQL of SQL."""
    return (
        f"{amount} * CASE WHEN {currency} IN ({_listed(ZERO_DECIMAL)}) THEN {WHOLE} "
        f"WHEN {currency} IN ({_listed(THREE_DECIMAL)}) THEN {TENTHS_OF_CENTS} ELSE {CENTS} END"
    )


def _listed(currencies: frozenset[str]) -> str:
    return ", ".join(f"'{one}'" for one in sorted(currencies))
