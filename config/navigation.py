"""The pages of the dashboard: what their links say, and who may open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import NoReverseMatch, reverse

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

FIGURES = "analyticsapp.view_daysnapshot"
EXPORTS = tuple(f"analyticsapp.export_{pack}" for pack in ("finance", "operations", "bi"))


@dataclass(frozen=True)
class Page:
    """A page by the name of its address, which is also the ``section`` of its context. Any one of
    the ``permissions`` opens it."""

    name: str
    label: str
    permissions: tuple[str, ...] = (FIGURES,)


# In the order of the links. One whose address doesn't exist is left out.
PAGES = (
    Page("dashboard", "Executive"),
    Page("operations", "Operations", (FIGURES, "monitoring.view_issue")),
    Page("products", "Products"),
    Page("subscriptions", "Subscriptions"),
    Page("money", "Money"),
    Page("reconciliation", "Reconciliation"),
    Page("kpis", "KPI definitions"),
    Page("exports", "Exports", EXPORTS),
)


@dataclass(frozen=True)
class Link:
    """A page that somebody may open."""

    name: str
    label: str
    url: str


def pages_open_to(user: User | AnonymousUser) -> list[Link]:
    """The dashboard's pages that ``user`` may open, in order."""
    links = []
    for page in PAGES:
        if any(user.has_perm(permission) for permission in page.permissions):
            try:
                links.append(Link(page.name, page.label, reverse(page.name)))
            except NoReverseMatch:
                continue
    return links
