"""What is sold, and how many there are."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from payments.models import Product as StripeProduct
from payments.models import (
    StripeReference,
)


class Product(models.Model):
    """Something that is sold. ``stock`` is null where nobody counts it."""

    sku = models.CharField("SKU", max_length=255, unique=True)
    name = models.TextField()
    stripe_product = StripeReference(StripeProduct)
    stock = models.IntegerField(null=True, blank=True, help_text="Empty: not counted.")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["stripe_product"], name="product_stripe_once"),
            models.CheckConstraint(
                name="product_stock_not_negative", condition=Q(stock__isnull=True) | Q(stock__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.name
