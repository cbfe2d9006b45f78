"""What was sold of a product. The lines of orders tell it, before refunds."""

from __future__ import annotations

from dataclasses import dataclass

from analyticsapp.kpis.kpi import Good, Kpi, Unit, share


@dataclass(frozen=True)
class ProductSales:
    """What the orders paid in a period had of a product, in one currency; money in minor units."""

    orders: int = 0
    units: int = 0
    sales_minor: int = 0
    all_sales_minor: int = 0  # of all products, and of lines of none
    days: int = 0
    stock: int | None = None  # now; None where nobody counts it


BY_LINES = (
    "By the lines of the orders that became paid; refunds and returns don't lower it.",
    "Lines that name no product stand together, as lines of no product.",
)

PRODUCTS: tuple[Kpi[ProductSales], ...] = (
    Kpi(
        key="product_units",
        name="Units of a product",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="How many units of a product were bought.",
        formula="sum of the quantities of its lines in the orders paid in the period",
        edge_rules=BY_LINES,
        compute=lambda sold: sold.units,
    ),
    Kpi(
        key="product_orders",
        name="Orders of a product",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="In how many orders a product was.",
        formula="number of orders paid in the period that have a line of it",
        edge_rules=(
            *BY_LINES,
            "An order of several products counts for each, so these don't add up to orders.",
        ),
        compute=lambda sold: sold.orders,
    ),
    Kpi(
        key="product_sales",
        name="Product sales",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What the units of a product brought, after discounts, tax included.",
        formula="sum of the totals of its lines in the orders paid in the period",
        edge_rules=(
            *BY_LINES,
            "Shipping is on no line, and orders whose lines aren't known have none: all products "
            "together are not gross captured.",
        ),
        compute=lambda sold: sold.sales_minor,
    ),
    Kpi(
        key="product_share",
        name="Share of product sales",
        unit=Unit.SHARE,
        good=Good.NEITHER,
        definition="How much of what all lines brought this product brought.",
        formula="its product sales ÷ product sales of all lines of the period",
        edge_rules=("Lines of no product are part of the whole.",),
        compute=lambda sold: share(sold.sales_minor, sold.all_sales_minor),
    ),
    Kpi(
        key="days_of_stock",
        name="Days of stock",
        unit=Unit.COUNT,
        good=Good.NEITHER,
        definition="For how many days the stock of now lasts if it sells as in the period.",
        formula="units in stock ÷ (units bought in the period ÷ days of the period)",
        edge_rules=(
            "Whole days, rounded down. Called low below 14 days.",
            "Undefined, shown as –, where nobody counts the stock or none was bought.",
            "What was bought in this currency alone; a product sold in several lasts less long.",
        ),
        compute=lambda sold: (
            None if sold.stock is None or not sold.units else sold.stock * sold.days // sold.units
        ),
    ),
)
