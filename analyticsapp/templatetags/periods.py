"""Addresses of other periods in templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse

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
    more = {"currency": currency} if currency else {}
    rest = urlencode({**more, **(keep or {})})
    return f"?{period.query}" + (f"&{rest}" if rest else "")


@register.simple_tag
def rows_of(kpi: Kpi[Any], period: Period, currency: str) -> str:
    """The address of the rows behind a KPI's figure."""
    return reverse("rows", args=[kpi.key]) + query_of(period, currency)


@register.simple_tag
def rows_of_product(
    key: str, product_id: int | None, period: Period | Choice, currency: str
) -> str:
    """The address of the rows behind a figure of one product, or of the lines that name none."""
    product = NO_PRODUCT if product_id is None else product_id
    return reverse("rows", args=[key]) + query_of(period, currency, {"product": product})
