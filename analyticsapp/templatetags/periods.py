"""Addresses of other periods in templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from analyticsapp import addresses
from analyticsapp.drilldown.products import NO_PRODUCT
from analyticsapp.kpis import Kpi
from analyticsapp.periods import Choice, Period

register = template.Library()


@register.simple_tag
def query_of(
    period: Period | Choice, currency: str = "", keep: Mapping[str, object] | None = None
) -> str:
    """``?month=2026-10&currency=eur``: the query of an address that shows ``period``.

    ``keep`` is what else of the address stays.
    """
    return addresses.query_of(period.query, currency, keep)


@register.simple_tag
def rows_of(kpi: Kpi[Any], period: Period, currency: str) -> str:
    """The address of the rows behind a KPI's figure."""
    return addresses.rows_of(kpi.key, period.query, currency)


@register.simple_tag
def rows_of_product(
    key: str, product_id: int | None, period: Period | Choice, currency: str
) -> str:
    """The address of the rows behind a figure of one product, or of the lines that name none."""
    product = NO_PRODUCT if product_id is None else product_id
    return addresses.rows_of(key, period.query, currency, {"product": product})
