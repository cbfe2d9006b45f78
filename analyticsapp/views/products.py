"""The page of products: what sells, what sells no more, and what is about to run out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from analyticsapp.addresses import query_of, rows_of
from analyticsapp.currencies import chosen
from analyticsapp.drilldown.products import NO_PRODUCT
from analyticsapp.kpis import KPIS, PRODUCTS, Value
from analyticsapp.periods import Period
from analyticsapp.selectors.figures import Change
from analyticsapp.selectors.products import (
    DEFAULT_SORT,
    LOW_STOCK_DAYS,
    PAGE,
    SORTS,
    SoldProduct,
    first_sale,
    sold_products,
)
from analyticsapp.selectors.sales import recorded
from analyticsapp.views.page import VIEW, head
from auditlog.access import requires
from auditlog.snapshot import from_one_snapshot
from orders.models import Product
from payments.admin.columns import may_open

SALES = KPIS["product_sales"]
STOCK = KPIS["days_of_stock"]
# The figures of a product that have rows, in the order of their columns.
SHOWN = tuple(
    KPIS[key] for key in ("product_units", "product_orders", "product_sales", "product_share")
)
NUMBER = re.compile("[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class Head:
    """A column: its name, the address that sorts by it, and whether it does, as ``aria-sort``."""

    name: str
    url: str
    sorted: str


@dataclass(frozen=True)
class Line:
    """A product as the page shows it: each figure with the address of its rows; its sales against
    the period before and the year before, None where nothing is compared."""

    sold: SoldProduct
    figures: list[tuple[Any, Value | None, str]]
    before: Change | None
    year_before: Change | None
    days_of_stock: Value | None


@require_safe
@requires(VIEW)
@from_one_snapshot
def products(request: HttpRequest) -> HttpResponse:
    """Best sellers: ``?month=2026-10&currency=eur&sort=units&page=2``."""
    period, context = head(request, "products")
    names = recorded(context["now"], period).currencies
    currency = chosen(request.GET.get("currency", ""), names)
    sort = request.GET.get("sort", DEFAULT_SORT)
    if sort.removeprefix("-") not in SORTS:
        sort = DEFAULT_SORT
    number = request.GET.get("page", "1")
    if not NUMBER.fullmatch(number):
        raise Http404
    page = int(number)
    found = sold_products(period, currency, sort=sort, offset=(page - 1) * PAGE)
    if page > 1 and not found.rows:
        raise Http404
    first_day = first_sale()
    comparable = period.comparable(first_day)

    def line(sold: SoldProduct) -> Line:
        return Line(
            sold,
            [(kpi, kpi.compute(sold.now), rows(kpi.key, sold)) for kpi in SHOWN],
            change(sold, "before") if comparable.before else None,
            change(sold, "year") if comparable.year else None,
            STOCK.compute(sold.now),
        )

    def rows(key: str, sold: SoldProduct) -> str:
        of = None if sold is found.total else {"product": sold.product_id or NO_PRODUCT}
        return rows_of(key, period.query, currency, of)

    keep = {} if sort == DEFAULT_SORT else {"sort": sort}

    def at(number: int) -> str:
        more = {"page": number} if number > 1 else {}
        return address(period, currency, **keep, **more)

    context |= {
        "currency": currency,
        "currencies": names,
        "keep": keep,
        "found": found,
        "lines": [line(one) for one in found.rows],
        "total": line(found.total),
        "heads": heads(period, currency, sort),
        "comparable": comparable,
        "first_day": first_day,
        "kpis": PRODUCTS,
        "sales": SALES,
        "stock": STOCK,
        "low_days": LOW_STOCK_DAYS,
        "may_open_products": may_open(request.user, Product),
        "first": (page - 1) * PAGE + 1,
        "last": (page - 1) * PAGE + len(found.rows),
        "earlier": at(page - 1) if page > 1 else "",
        "later": at(page + 1) if page * PAGE < found.count else "",
    }
    return render(request, "analytics/products.html", context)


def change(sold: SoldProduct, name: str) -> Change:
    """The product's sales against those of the period before, or of the year before."""
    then = (sold.before if name == "before" else sold.year_before).sales_minor
    return Change(SALES, then, sold.now.sales_minor - then)


def heads(period: Period, currency: str, sort: str) -> dict[str, Head]:
    """The columns that one can sort by; the one that is sorted by leads to the other way round."""
    found = {}
    for name, order in SORTS.items():
        down = order.partition(" DESC")[1] != ""
        if sort == name:
            to, way = f"-{name}", "descending" if down else "ascending"
        else:
            to = name
            way = ("ascending" if down else "descending") if sort == f"-{name}" else ""
        found[name] = Head(name, address(period, currency, sort=to), way)
    return found


def address(period: Period, currency: str, **more: object) -> str:
    """The page's address for a period and a currency."""
    return reverse("products") + query_of(period.query, currency, more)
