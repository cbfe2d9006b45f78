"""Columns that other apps' lists use too: money, and links between mirrored objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from payments.money import MINUS, format_money

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User
    from django.utils.safestring import SafeString

UNKNOWN = "unknown"


def money(amount_minor: int | None, currency: str) -> SafeString:
    """``1,234.56 USD`` for a column of figures; unknown where the amount or its currency is."""
    if amount_minor is None:
        text = UNKNOWN
    elif not currency and not amount_minor:
        text = "0"
    elif not currency:
        sign = MINUS if amount_minor < 0 else ""
        text = f"{sign}{abs(amount_minor)} minor units of an unknown currency"
    else:
        text = format_money(amount_minor, currency)
    return format_html('<span class="money">{}</span>', text)


def money_column(
    field: str, description: str = "", *, currency: str = "currency"
) -> Callable[[Any], SafeString]:
    """A display function for the amount in ``field``: for lists and read-only pages."""

    @admin.display(description=description or field.removesuffix("_minor").replace("_", " "))
    def show(row: Any) -> SafeString:
        return money(getattr(row, field), getattr(row, currency))

    show.__name__ = f"{field}_money"
    return show


def admin_link(model: type[Model], key: object, text: str = "") -> SafeString | str:
    """A link to the admin page of ``model``'s row ``key``; its text alone where it has no page."""
    label = text or str(key)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    try:
        url = reverse(
            name, args=[quote(str(key))]
        )  # an id such as txn_1A… would be read as an escape
    except NoReverseMatch:
        return label
    return format_html('<a href="{}">{}</a>', url, label)


def may_open(user: User | AnonymousUser, model: type[Model]) -> bool:
    """Whether ``user`` may see the admin's pages of ``model``."""
    meta = model._meta
    permission = f"{meta.app_label}.view_{meta.model_name}"
    return user.is_active and user.is_staff and user.has_perm(permission)


def list_url(user: User | AnonymousUser, model: type[Model], **query: str | int) -> str:
    """The address of the admin's list of ``model``, narrowed by ``query``; empty where ``user`` may
    not open it."""
    if not may_open(user, model):
        return ""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(query)}" if query else address
