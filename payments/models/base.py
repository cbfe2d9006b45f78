"""What all mirrored objects have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class StripeReference(models.ForeignKey[Any, Any]):
    """A reference to a mirrored object that may not have arrived yet.

    The column holds Stripe's id whether or not we have the row: observations come in any order.
    """

    def __init__(self, to: Any, **kwargs: Any) -> None:
        kwargs.setdefault("null", True)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("related_name", "+")
        kwargs["on_delete"] = models.DO_NOTHING
        kwargs["db_constraint"] = False
        kwargs["db_index"] = False  # each model names the indexes that its queries need
        super().__init__(to, **kwargs)


class MirrorObject(models.Model):
    """A Stripe object as the observations of it say that it is. Only projection writes it."""

    OBJECT: ClassVar[str]  # Stripe's name for it
    DASHBOARD: ClassVar[str] = ""  # its folder in Stripe's dashboard

    # Collation C: exact and prefix search through one index, and the cheapest comparison.
    id = models.CharField(max_length=255, primary_key=True, db_collation="C")
    livemode = models.BooleanField()
    created = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    as_of = models.DateTimeField(help_text="When this was true, by the newest observation.")
    api_version = models.CharField(max_length=64, blank=True)
    ambiguous = models.BooleanField(
        default=False,
        help_text="Two observations of one second disagree; it is being read again from Stripe.",
    )

    class Meta:
        abstract = True
        ordering = ["-created", "-id"]
        indexes = [
            # Few are, and not for long: a check looks for those that stay so.
            models.Index(fields=["id"], name="%(class)s_ambiguous", condition=Q(ambiguous=True)),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def dashboard_url(self) -> str:
        """The object's page in Stripe's dashboard, or the search for it."""
        mode = "" if self.livemode else "test/"
        path = f"{self.DASHBOARD}/{self.pk}" if self.DASHBOARD else f"search?query={self.pk}"
        return f"{settings.STRIPE_DASHBOARD_URL}/{mode}{path}"


def currency_check(name: str, *, nullable: bool = False) -> models.CheckConstraint:
    """Currencies are three lower-case letters, as Stripe writes them."""
    condition = Q(currency__regex=r"^[a-z]{3}$")
    if nullable:
        condition |= Q(currency="")
    return models.CheckConstraint(name=f"{name}_currency", condition=condition)


def currency_field(**kwargs: Any) -> models.CharField[str, str]:
    return models.CharField(max_length=3, **kwargs)


def status_field(**kwargs: Any) -> models.CharField[str, str]:
    """A word of Stripe's. One that we don't know yet is kept as it came, so no choices here."""
    return models.CharField(max_length=64, **kwargs)
