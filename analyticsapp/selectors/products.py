"""What was sold of each product, read from the daily snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Min

from analyticsapp.days import Window
from analyticsapp.kpis.products import ProductSales
from analyticsapp.models import ProductDay
from analyticsapp.periods import Period
from analyticsapp.selectors.windows import WINDOWS, parameters
from orders.models import Product

PAGE = 50
LOW_STOCK_DAYS = 14
# What the list can be sorted by: each in the direction that one looks for first.
SORTS = {
    "sales": "now_sales DESC",
    "units": "now_units DESC",
    "orders": "now_orders DESC",
    "change": "now_sales - before_sales DESC",
    "name": "product.name ASC NULLS LAST",
    "stock": "product.stock::numeric / nullif(now_units, 0) ASC NULLS LAST",
}
DEFAULT_SORT = "sales"
PERIODS = ("now", "before", "year")
MEASURES = {"orders": "orders", "units": "units", "sales": "sales_minor"}


@dataclass(frozen=True)
class Seller:
    """A product and what was sold of it; without a product, the lines that name none."""

    product_id: int | None
    sku: str
    name: str
    now: ProductSales
    before: ProductSales
    year_before: ProductSales

    @property
    def low(self) -> str:
        """``out of stock``, ``low stock`` where it lasts less than ``LOW_STOCK_DAYS``, or empty."""
        stock, units = self.now.stock, self.now.units
        if stock == 0:
            return "out of stock"
        if stock is None or not units:
            return ""
        return "low stock" if stock * self.now.days < LOW_STOCK_DAYS * units else ""


@dataclass(frozen=True)
class Sellers:
    """Some of the products, and all of them together."""

    rows: list[Seller]
    count: int
    total: Seller


def first_sale() -> date | None:
    """The first day of all figures of products. Found through an index."""
    found: date | None = ProductDay.objects.order_by().aggregate(first=Min("day"))["first"]
    return found


def sellers(
    period: Period, currency: str, *, sort: str = DEFAULT_SORT, limit: int = PAGE, offset: int = 0
) -> Sellers:
    """Products that were sold in the period, the one before or the year before, ``limit`` of them.

    ``sort`` is a name of ``SORTS``, the other way round with ``-`` before it. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            statement(sort),
            {
                "currency": currency,
                "limit": limit,
                "offset": offset,
                **{
                    f"{name}_{end}": getattr(window, end)
                    for name, window in compared(period).items()
                    for end in ("first", "last")
                },
            },
        )
        assert cursor.description
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    days = {name: len(window) for name, window in compared(period).items()}
    rows = [seller(row, days) for row in found if row["rank"] is not None]
    whole = found[0] if found else dict.fromkeys(names, 0)
    everything = {f"{a}_{b}": whole[f"all_{a}_{b}"] for a in PERIODS for b in MEASURES}
    total = {**whole, **everything, "product_id": None, "sku": "", "name": "", "stock": None}
    return Sellers(rows, whole["products"], seller(total, days))


def compared(period: Period) -> dict[str, Window]:
    """The period and those that it is compared with."""
    return dict(zip(PERIODS, (period, period.before(), period.year_before()), strict=True))


def seller(row: dict[str, Any], days: dict[str, int]) -> Seller:
    def sales(name: str) -> ProductSales:
        return ProductSales(
            orders=row[f"{name}_orders"],
            units=row[f"{name}_units"],
            sales_minor=row[f"{name}_sales"],
            all_sales_minor=row[f"all_{name}_sales"],
            days=days[name],
            stock=row["stock"],
        )

    return Seller(row["product_id"], row["sku"], row["name"], *map(sales, PERIODS))


def statement(sort: str) -> str:
    """The query of ``sellers``. All of it comes back in a row without a product where a page is
    empty, so that the total is known then, too."""
    order = SORTS.get(sort.removeprefix("-"), SORTS[DEFAULT_SORT])
    if sort.startswith("-"):
        order = order.replace(" DESC", " *").replace(" ASC", " DESC").replace(" *", " ASC")
    sums = ",\n".join(
        f"coalesce(sum({column}) FILTER (WHERE day BETWEEN %({name}_first)s AND %({name}_last)s), "
        f"0)::bigint AS {name}_{measure}"
        for name in PERIODS
        for measure, column in MEASURES.items()
    )
    totals = ", ".join(
        f"coalesce(sum({name}_{measure}), 0)::bigint AS all_{name}_{measure}"
        for name in PERIODS
        for measure in MEASURES
    )
    days = " OR ".join(f"day BETWEEN %({name}_first)s AND %({name}_last)s" for name in PERIODS)
    return f"""
WITH sold AS (
    SELECT product_id, {sums}
    FROM {ProductDay._meta.db_table} WHERE currency = %(currency)s AND ({days})
    GROUP BY product_id
), whole AS (
    SELECT count(*) AS products, {totals} FROM sold
), ranked AS (
    SELECT sold.*, product.sku, product.name, product.stock,
        row_number() OVER (ORDER BY {order}, now_sales DESC, sold.product_id) AS rank
    FROM sold LEFT JOIN {Product._meta.db_table} AS product ON product.id = sold.product_id
)
SELECT whole.*, page.* FROM whole LEFT JOIN (
    SELECT * FROM ranked ORDER BY rank LIMIT %(limit)s OFFSET %(offset)s
) AS page ON true ORDER BY page.rank
"""


# ``only`` narrows what is summed to some products; the whole is that of all of them.
SUMS = f"""
SELECT {{sums}}, coalesce(sum(sales_minor), 0)::bigint, max(last - first) + 1
FROM {WINDOWS}
LEFT JOIN {ProductDay._meta.db_table} AS day
    ON day.currency = %(currency)s AND day.day BETWEEN asked.first AND asked.last
GROUP BY n ORDER BY n
"""


def product_sales(windows: Sequence[Window], currency: str, only: str) -> list[ProductSales]:
    """What was sold in each window of the products that ``only``, a condition in SQL, names. One
    query."""
    sums = ", ".join(
        f"coalesce(sum(day.{column}) FILTER (WHERE {only}), 0)::bigint"
        for column in MEASURES.values()
    )
    with connection.cursor() as cursor:
        cursor.execute(SUMS.format(sums=sums), {**parameters(windows), "currency": currency})
        return [ProductSales(*numbers) for numbers in cursor.fetchall()]
