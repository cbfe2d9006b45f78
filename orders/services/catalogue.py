"""Products that orders from Stripe bring along: made by Stripe's id, their stock not counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q
from django.utils import timezone

from orders.models import Product
from orders.services.locking import lock_catalogue
from payments.models import Product as StripeProduct


def get_or_create_products(
    wanted: Mapping[str, str], changed: Collection[str] = ()
) -> dict[str, Product]:
    """The products of Stripe's product ids, made where they are missing; at most five statements.

    ``wanted`` gives for each id the name to use until the mirror has the product's own. A product
    of ours whose SKU is Stripe's id is that product. ``changed`` are ids whose products the caller
    is going to ``rename``: held from here on, like the missing ones.
    """
    found = find(wanted)
    missing = sorted(wanted.keys() - found.keys())
    lock_catalogue([*missing, *changed])
    if not missing:
        return found
    mirrored = StripeProduct.objects.in_bulk(missing)
    now = timezone.now()
    Product.objects.bulk_create(
        [
            Product(
                sku=key,
                name=(mirrored[key].name if key in mirrored else wanted[key]) or key,
                stripe_product_id=key,
                created_at=now,
            )
            for key in missing
        ],
        ignore_conflicts=True,  # another worker may be making the same one
    )
    return found | find(missing)


def find(keys: Collection[str]) -> dict[str, Product]:
    """Those of Stripe's product ids that have a product of ours."""
    if not keys:
        return {}
    ids = list(keys)
    found: dict[str, Product] = {}
    for product in Product.objects.filter(Q(stripe_product__in=ids) | Q(sku__in=ids)).order_by():
        if product.stripe_product_id:
            found[str(product.stripe_product_id)] = product
        else:
            found.setdefault(product.sku, product)
    return found


def known(stripe_ids: Collection[str]) -> list[int]:
    """The keys of those of our products that are these of Stripe's."""
    if not stripe_ids:
        return []
    rows = Product.objects.filter(stripe_product__in=list(stripe_ids)).order_by()
    return list(rows.values_list("pk", flat=True))


def rename(products: Iterable[Product], changed: Mapping[str, StripeProduct]) -> None:
    """Give locked products the names that Stripe's have by now; the caller writes them."""
    for product in products:
        theirs = changed.get(product.stripe_product_id or "")
        if theirs is not None:
            # A deleted product reads as having no name; what it was stays known.
            product.name = theirs.name or product.name
            product.active = theirs.active and not theirs.deleted
