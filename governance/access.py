"""Every address and every action, each with who may: gathered from what the code declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from auditlog.access import ANYONE, NOBODY, STAFF, Access, GuardedAdmin

# Django's pages of a model, by the method that answers, and what asking and sending them need.
MODEL_PAGES = {
    "changelist_view": ("view", "view"),
    "add_view": ("add", "add"),
    "change_view": ("view", "change"),
    "delete_view": ("delete", "delete"),
    "history_view": ("view", "view"),
    "user_change_password": ("change", "change"),
}
# Django's pages that belong to no model.
SITE_PAGES = {
    "AdminSite.index": STAFF,
    "AdminSite.app_index": STAFF,
    "AdminSite.password_change_done": STAFF,
    "AdminSite.i18n_javascript": STAFF,
    "AdminSite.catch_all_view": STAFF,
    "AdminSite.autocomplete_view": NOBODY,  # no form of ours completes by itself
    "shortcut": STAFF,  # no object of ours has a page elsewhere
}
Method = Literal["GET", "POST"]


@dataclass(frozen=True)
class Address:
    """An address, asked for or sent a form, and who may; ``access`` None where nobody said."""

    route: str
    method: Method
    pattern: URLPattern
    access: Access | None
    model_admin: GuardedAdmin[Any] | None = None
    page: str = ""  # of Django's pages of a model: view, add, change or delete


@dataclass(frozen=True)
class Action:
    """An action of an admin list, and who may run it."""

    model_admin: GuardedAdmin[Any]
    name: str
    title: str
    access: Access | None


def addresses() -> list[Address]:
    """Every address that can be reached, in the resolver's order: a later one of the same route
    can't."""
    found: dict[str, URLPattern] = {}
    for route, pattern in _walk(get_resolver().url_patterns, ""):
        found.setdefault(route, pattern)
    methods: tuple[Method, Method] = ("GET", "POST")
    return [_address(route, found[route], method) for route in found for method in methods]


def actions() -> list[Action]:
    """Every action of every list of the admin."""
    return [
        Action(page, name, _title(page, name), access and page.access_to("view") & access & STAFF)
        for page in model_admins()
        for name, access in page.row_actions().items()
    ]


def model_admins() -> list[GuardedAdmin[Any]]:
    """The admin's pages of models, by the model's name."""
    pages = [page for page in admin.site._registry.values() if isinstance(page, GuardedAdmin)]
    return sorted(pages, key=lambda page: page.opts.label_lower)


def undeclared() -> list[str]:
    """The addresses, models and actions for which nobody said who may."""
    routes = dict.fromkeys(one.route for one in addresses() if one.access is None)
    unguarded = [
        f"admin of {model._meta.label_lower}"
        for model, page in admin.site._registry.items()
        if not isinstance(page, GuardedAdmin)
    ]
    unsaid = [
        f"action {one.name} of {one.model_admin.opts.label_lower}"
        for one in actions()
        if one.access is None
    ]
    return [*(f"/{route}" for route in routes), *unguarded, *unsaid]


def _walk(patterns: Any, before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^")  # as ``ResolverMatch.route`` has it
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route, pattern


def _address(route: str, pattern: URLPattern, method: Method) -> Address:
    view = pattern.callback
    access: Access | None = getattr(view, "access", None)
    page = _owner(view)
    kind = MODEL_PAGES.get(view.__name__)
    what = ""
    if access is not None:
        page = None
    elif page and kind:
        what = kind[method == "POST"]
        access = page.access_to(what)
    elif page and getattr(view, "view_class", None):
        access = STAFF  # the short address of an object, which sends to the long one
    else:
        access = SITE_PAGES.get(view.__qualname__)
    if access not in (None, ANYONE) and route.startswith("admin/"):
        access &= STAFF
    return Address(route, method, pattern, access, page, what)


def _owner(view: Any) -> GuardedAdmin[Any] | None:
    """The page of a model that the view belongs to: the admin names it, or it is a method of it."""
    page = getattr(view, "model_admin", None)
    while page is None and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
        page = getattr(view, "__self__", None)
    return page if isinstance(page, GuardedAdmin) else None


def _title(page: GuardedAdmin[Any], name: str) -> str:
    acts = {act.name: act.title for act in getattr(page, "acts", ())}
    action = getattr(page, name, None)
    return acts.get(name) or str(getattr(action, "short_description", name))
