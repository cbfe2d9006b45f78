"""What was sold of each product, read from the daily snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
UNNAMED = "Lines of no product"
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
class SoldProduct:
    """A product and what was sold of it; without a product, the lines that name none. Of the year
    before nothing where that wasn't asked for."""

    product_id: int | None
    sku: str
    name: str
    now: ProductSales
    before: ProductSales
    year_before: ProductSales = field(default_factory=ProductSales)

    @property
    def change_minor(self) -> int:
        """By how much its sales are more than before."""
        return self.now.sales_minor - self.before.sales_minor

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
class SoldProducts:
    """Some of the products, and all of them together."""

    rows: list[SoldProduct]
    count: int
    total: SoldProduct


@dataclass(frozen=True)
class BestSellers:
    """The products that sold most, those whose sales changed most, and all of them together."""

    best: list[SoldProduct]
    moved: list[SoldProduct]
    total: SoldProduct


def first_sale() -> date | None:
    """The first day of all figures of products. Found through an index."""
    found: date | None = ProductDay.objects.order_by().aggregate(first=Min("day"))["first"]
    return found


def sold_products(
    period: Period, currency: str, *, sort: str = DEFAULT_SORT, limit: int = PAGE, offset: int = 0
) -> SoldProducts:
    """Products that were sold in the period, the one before or the year before, ``limit`` of them.

    ``sort`` is a name of ``SORTS``, the other way round with ``-`` before it. One query.
    """
    windows = dict(zip(PERIODS, (period, period.before(), period.year_before()), strict=True))
    found = _read(windows, currency, [order_of(sort)], limit, offset)
    return SoldProducts([row for row, _ in found.rows], found.count, found.total)


def best_sellers(window: Window, before: Window, currency: str, most: int) -> BestSellers:
    """``most`` products of each list. One query."""
    orders = [SORTS["sales"], "abs(now_sales - before_sales) DESC"]
    found = _read({"now": window, "before": before}, currency, orders, most)
    moved = sorted((ranks[1], n) for n, (_, ranks) in enumerate(found.rows) if ranks[1] <= most)
    return BestSellers(
        best=[row for row, ranks in found.rows if ranks[0] <= most and row.now.sales_minor],
        moved=[row for row, _ in (found.rows[n] for _, n in moved) if row.change_minor],
        total=found.total,
    )


@dataclass(frozen=True)
class _Found:
    """Rows by their first rank, each with all of its ranks."""

    rows: list[tuple[SoldProduct, list[int]]]
    count: int
    total: SoldProduct


def _read(
    windows: Mapping[str, Window],
    currency: str,
    orders: Sequence[str],
    limit: int,
    offset: int = 0,
) -> _Found:
    """The products of these windows that are among the ``limit`` after the first ``offset`` by any
    of the orders."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement(list(windows), orders),
            {
                "currency": currency,
                "offset": offset,
                "until": offset + limit,
                **{
                    f"{name}_{end}": getattr(window, end)
                    for name, window in windows.items()
                    for end in ("first", "last")
                },
            },
        )
        assert cursor.description
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    whole = found[0] if found else dict.fromkeys(names, 0)
    everything = {f"{a}_{b}": whole[f"all_{a}_{b}"] for a in windows for b in MEASURES}
    total = {**whole, **everything, "product_id": None, "sku": "", "name": "", "stock": None}
    ranks = [f"rank_{n}" for n, _ in enumerate(orders)]
    return _Found(
        rows=[
            (_product(row, windows), [row[name] for name in ranks])
            for row in found
            if row["rank_0"] is not None
        ],
        count=whole["products"],
        total=_product(total, windows),
    )


def _product(row: Mapping[str, Any], windows: Mapping[str, Window]) -> SoldProduct:
    sales = (
        ProductSales(
            orders=row[f"{name}_orders"],
            units=row[f"{name}_units"],
            sales_minor=row[f"{name}_sales"],
            all_sales_minor=row[f"all_{name}_sales"],
            days=len(window),
            stock=row["stock"],
        )
        for name, window in windows.items()
    )
    return SoldProduct(row["product_id"], row["sku"], row["name"] or UNNAMED, *sales)


def order_of(sort: str) -> str:
    """SQL of the order that a name of ``SORTS`` stands for."""
    order = SORTS.get(sort.removeprefix("-"), SORTS[DEFAULT_SORT])
    if sort.startswith("-"):
        order = order.replace(" DESC", " *").replace(" ASC", " DESC").replace(" *", " ASC")
    return order


def statement(periods: Sequence[str], orders: Sequence[str]) -> str:
    """The query of products, ranked by each of the orders. All of it comes back in a row without a
    product where a page is empty, so that the total is known then, too."""
    sums = ",\n".join(
        f"coalesce(sum({column}) FILTER (WHERE day BETWEEN %({name}_first)s AND %({name}_last)s), "
        f"0)::bigint AS {name}_{measure}"
        for name in periods
        for measure, column in MEASURES.items()
    )
    totals = ", ".join(
        f"coalesce(sum({name}_{measure}), 0)::bigint AS all_{name}_{measure}"
        for name in periods
        for measure in MEASURES
    )
    days = " OR ".join(f"day BETWEEN %({name}_first)s AND %({name}_last)s" for name in periods)
    ranks = ", ".join(
        f"row_number() OVER (ORDER BY {order}, now_sales DESC, sold.product_id) AS rank_{n}"
        for n, order in enumerate(orders)
    )
    asked = " OR ".join(
        f"rank_{n} > %(offset)s AND rank_{n} <= %(until)s" for n, _ in enumerate(orders)
    )
    return f"""
WITH sold AS (
    SELECT product_id, {sums}
    FROM {ProductDay._meta.db_table} WHERE currency = %(currency)s AND ({days})
    GROUP BY product_id
), whole AS (
    SELECT count(*) AS products, {totals} FROM sold
), ranked AS (
    SELECT sold.*, product.sku, product.name, product.stock, {ranks}
    FROM sold LEFT JOIN {Product._meta.db_table} AS product ON product.id = sold.product_id
)
SELECT whole.*, page.* FROM whole LEFT JOIN (
    SELECT * FROM ranked WHERE {asked}
) AS page ON true ORDER BY page.rank_0
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
