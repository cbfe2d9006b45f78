"""Every address of the product with something real in it, for tests that visit all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.db import models

from config.tests.rows import build, build_job
from governance.access import Address
from monitoring.models import BackgroundJob


def filled_addresses() -> Callable[[Address], str]:
    """A function that puts a real object into an address, one and the same of each model.

    What no model says is a number, or a word: the page may say that there is no such thing.
    """
    keys: dict[type[models.Model], str] = {}

    def key_of(model: type[models.Model]) -> str:
        if model not in keys:
            keys[model] = str(quote(row_key(model)))
        return keys[model]

    def fill(address: Address) -> str:
        route = address.route.replace("<path:content_type_id>", "1")
        route = route.replace("(?P<url>.*)$", "no/such/page/")
        route = route.replace("<str:key>", "net_sales")
        if "(?P<app_label>" in route:
            route = "admin/orders/"
        if "<path:object_id>" in route or "<id>" in route:
            page = address.model_admin or page_below(address.route)
            key = key_of(page.model if page else User)
            route = route.replace("<path:object_id>", key).replace("<id>", key)
        route = re.sub(r"<(int:)?\w+(:\w+)?>", lambda found: "1" if found[1] else "word", route)
        assert not {*"<>()"} & {*route}, f"no test knows what stands in {address.route}"
        return f"/{route}"

    return fill


def row_key(model: type[models.Model]) -> Any:
    if model is BackgroundJob:
        return build_job()
    if model is Group:  # there are some, and they outlive a test
        return Group.objects.earliest("pk").pk
    return build(model).pk


def page_below(route: str) -> Any:
    """The admin's page of a model whose address begins ``route``."""
    for model, page in admin.site._registry.items():
        if route.startswith(f"admin/{model._meta.label_lower.replace('.', '/')}/"):
            return page
    return None
