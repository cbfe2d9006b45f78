"""The lines of orders behind what was sold of a product, or of all products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from analyticsapp.days import Window
from analyticsapp.drilldown.rows import Drilldown, Part, in_period
from analyticsapp.kpis import KPIS, Kpi, ProductSales, Unit, Value
from analyticsapp.selectors.products import product_sales
from orders.models import Product

NO_PRODUCT = "none"  # in an address: the lines that name no product
EVERY = "true"
BOUGHT = f"""
FROM orders_order AS bought
JOIN orders_orderline AS line ON line.order_id = bought.id
LEFT JOIN orders_product AS product ON product.id = line.product_id
WHERE {in_period("bought.paid_at")} AND bought.currency = %(currency)s
"""


def lines(amount: str, only: str) -> str:
    """SQL of the lines of the orders paid in the period."""
    return f"""
SELECT bought.paid_at AS at, line.id::text AS key, 'order line' AS kind, 'orders.order' AS model,
    bought.id::text AS object_id, bought.number || ', line ' || line.position AS label,
    coalesce(product.sku, 'no product') AS detail, {amount} AS amount
{BOUGHT} AND {only}
"""


def orders(only: str) -> str:
    """SQL of the orders paid in the period, once for each product that they have a line of."""
    return f"""
SELECT bought.paid_at AS at, concat_ws(' ', bought.id, line.product_id) AS key, 'order' AS kind,
    'orders.order' AS model, bought.id::text AS object_id, bought.number AS label,
    coalesce(max(product.sku), 'no product') AS detail, 1 AS amount
{BOUGHT} AND {only} GROUP BY bought.id, line.product_id
"""


def parts_of(key: str, only: str) -> tuple[Part, ...]:
    """What the figure is made of, of the products that ``only``, a condition in SQL, names."""
    sales = Part("Lines and what they brought", Unit.MONEY, lines("line.total_minor", only))
    everything = Part("Lines of all products", Unit.MONEY, lines("line.total_minor", EVERY))
    return {
        "product_units": (Part("Lines and their units", Unit.COUNT, lines("line.quantity", only)),),
        "product_orders": (Part("Orders", Unit.COUNT, orders(only)),),
        "product_sales": (sales,),
        "product_share": (sales, everything),
    }[key]


def figures_of(
    kpi: Kpi[ProductSales], only: str
) -> Callable[[Sequence[Window], str], list[Value | None]]:
    """What pages show for the KPI: from the snapshots."""
    return lambda windows, currency: [
        kpi.compute(one) for one in product_sales(windows, currency, only)
    ]


KEYS = ("product_units", "product_orders", "product_sales", "product_share")
PRODUCTS = tuple(
    Drilldown(
        kpi=KPIS[key],
        parts=parts_of(key, EVERY),
        figures=figures_of(KPIS[key], EVERY),
        shown_on="products",
        about="All products",
    )
    for key in KEYS
)


def of_product(drilldown: Drilldown, name: str) -> Drilldown | None:
    """The same figure of one product, by its id, or of the lines of none; None where there is no
    such product, or the figure isn't one of products."""
    if drilldown not in PRODUCTS:
        return None
    if name == NO_PRODUCT:
        only, about = "product_id IS NULL", "Lines of no product"
    elif name.isascii() and name.isdigit() and len(name) < 19:
        product = Product.objects.filter(pk=int(name)).first()
        if product is None:
            return None
        only, about = f"product_id = {product.pk}", f"{product.sku} · {product.name}"
    else:
        return None
    key = drilldown.kpi.key
    return replace(
        drilldown,
        parts=parts_of(key, f"line.{only}"),
        figures=figures_of(drilldown.kpi, f"day.{only}"),
        about=about,
        named={"product": name},
    )
