"""Which products sold most, and of which the sales changed most."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from analyticsapp.days import Window
from analyticsapp.kpis import Unit, format_value
from analyticsapp.kpis.kpi import share
from analyticsapp.models import ProductDay
from orders.models import Product

SOLD = f"""
WITH sold AS (
    SELECT product_id,
        coalesce(sum(units) FILTER (WHERE day >= %(first)s), 0)::bigint AS units,
        coalesce(sum(sales_minor) FILTER (WHERE day >= %(first)s), 0)::bigint AS sales,
        coalesce(sum(sales_minor) FILTER (WHERE day < %(first)s), 0)::bigint AS before
    FROM {ProductDay._meta.db_table}
    WHERE currency = %(currency)s AND (
        day BETWEEN %(first)s AND %(last)s OR day BETWEEN %(before_first)s AND %(before_last)s
    )
    GROUP BY product_id
),
ranked AS (
    SELECT *, sum(sales) OVER () AS all_sales, sum(sales - before) OVER () AS all_change,
        row_number() OVER (ORDER BY sales DESC, product_id) AS best,
        row_number() OVER (ORDER BY abs(sales - before) DESC, product_id) AS moved
    FROM sold
)
SELECT ranked.product_id, coalesce(product.name, 'Lines of no product'), ranked.units,
    ranked.sales, ranked.before, ranked.all_sales::bigint, ranked.all_change::bigint, ranked.best,
    ranked.moved
FROM ranked LEFT JOIN {Product._meta.db_table} AS product ON product.id = ranked.product_id
WHERE ranked.best <= %(most)s OR ranked.moved <= %(most)s
ORDER BY ranked.best
"""


@dataclass(frozen=True)
class Seller:
    """A product's units and sales in a period, and its sales in the one before; after discounts,
    before refunds, in minor units."""

    product_id: int | None  # None: the lines that name no product
    name: str
    units: int
    sales_minor: int
    before_minor: int
    all_sales_minor: int  # of all products

    @property
    def change_minor(self) -> int:
        """By how much its sales are more than before."""
        return self.sales_minor - self.before_minor

    @property
    def share(self) -> str:
        """Its part of the sales of all products, as ``12.3%``; – of nothing."""
        return format_value(Unit.SHARE, share(self.sales_minor, self.all_sales_minor), "")


@dataclass(frozen=True)
class BestSellers:
    """The products that sold most, those whose sales changed most, and what all of them did."""

    best: list[Seller]
    moved: list[Seller]
    sales_minor: int = 0
    change_minor: int = 0


def best_sellers(window: Window, before: Window, currency: str, most: int) -> BestSellers:
    """``most`` products of each list, in one query. ``before`` lies before ``window``."""
    with connection.cursor() as cursor:
        cursor.execute(
            SOLD,
            {
                "first": window.first,
                "last": window.last,
                "before_first": before.first,
                "before_last": before.last,
                "currency": currency,
                "most": most,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        return BestSellers([], [])
    found = [(Seller(*row[:6]), row[7], row[8]) for row in rows]
    moved = sorted((rank, n) for n, (_, _, rank) in enumerate(found) if rank <= most)
    return BestSellers(
        best=[one for one, rank, _ in found if rank <= most and one.sales_minor],
        moved=[found[n][0] for _, n in moved if found[n][0].change_minor],
        sales_minor=rows[0][5],
        change_minor=rows[0][6],
    )
