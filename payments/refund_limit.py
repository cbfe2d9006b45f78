"""From which amount on whoever asks for a refund says again who they are."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Sum
from django.http import HttpRequest

from auditlog.identity import IdentityForm, confirmed_until, identity_form, recently_confirmed
from payments.models import RefundRequest
from payments.money import exponent

Money = tuple[int, str]  # minor units and their currency


def limit(currency: str) -> int | None:
    """The largest amount of ``currency``, in minor units, that needs no more than being signed in;
    None where none does."""
    limits: dict[str, Decimal] = settings.REFUND_CONFIRM_ABOVE
    major = limits.get(currency, limits.get(""))
    return None if major is None else int(major.scaleb(exponent(currency)))


def identity_for(request: HttpRequest, amounts: Iterable[Money]) -> IdentityForm | None:
    """What whoever asks for refunds of ``amounts`` must fill in too before they are asked for;
    None: nothing, or they have.

    What they asked for since they were last known counts with it: a large refund in small parts is
    a large one. One statement, where they didn't say lately who they are.
    """
    if recently_confirmed(request) or not above_limit([*amounts, *asked_for_since(request)]):
        return None
    return identity_form(request)


def asked_for_since(request: HttpRequest) -> list[Money]:
    """What the person has asked for since what they said of who they are ran out, but for what was
    refused or given up."""
    status = RefundRequest.Status
    asked = (
        RefundRequest.objects.filter(
            asked_by=cast("User", request.user), asked_at__gt=confirmed_until(request)
        )
        .exclude(status__in=[status.REFUSED, status.WITHDRAWN])
        .order_by("currency")
        .values_list("currency")
        .annotate(Sum("amount"))
    )
    return [(int(total), currency) for currency, total in asked]


def above_limit(amounts: Iterable[Money]) -> bool:
    """Whether a currency's sum of ``amounts``, each (minor units, currency), is above its limit.

    Many small refunds at once are one large one.
    """
    sums: dict[str, int] = {}
    for amount, currency in amounts:
        sums[currency] = sums.get(currency, 0) + amount
    return any((most := limit(key)) is not None and total > most for key, total in sums.items())
