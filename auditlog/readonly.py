"""Admin pages that only show, and lists that never count a table.

Every app's admin may use these: the audit log stands to the left of all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList, ChangeListSearchForm
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.text import capfirst

from auditlog.access import GuardedAdmin

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

M = TypeVar("M", bound=Model)

# What one search may look for at once, and what stands between pasted terms.
MOST_TERMS = 200
BETWEEN_TERMS = re.compile(r"[\s,;]+")


def terms_in(text: str) -> list[str]:
    """The different terms of a pasted text, in its order."""
    return list(dict.fromkeys(term for term in BETWEEN_TERMS.split(text) if term))


class MoreThan(int):
    """A count that was not finished: there is at least one more than is said."""

    def __str__(self) -> str:
        return f"more than {int(self) - 1}"


class UncountedPaginator(Paginator[Any]):
    """Looks no further than a few pages ahead, so that a list costs the same whatever is behind.

    ``count`` is exact while the list is that short; beyond, it is a :class:`MoreThan`, and going on
    to a later page looks further.
    """

    PAGES_AHEAD = 9

    def __init__(self, object_list: Any, per_page: int, *args: Any, page: int = 1, **kwargs: Any):
        super().__init__(object_list, per_page, *args, **kwargs)
        self.looked_for = (max(page, 1) + self.PAGES_AHEAD) * self.per_page

    @cached_property
    def count(self) -> int:
        """How many rows there are, as far as one looked."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        # In the list's order, which an index has: in any order Postgres reads the table as it lies.
        found = rows[: self.looked_for + 1].count()
        return MoreThan(found) if found > self.looked_for else found


class AnySearch(ChangeListSearchForm):
    """A search for any text: Django's own form refuses a NUL, and then lists everything."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[SEARCH_VAR].validators = []


class NamedList(ChangeList):
    """A list that is headed by what it lists. "Show all" is offered where not all is shown."""

    search_form_class = AnySearch

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = capfirst(str(self.opts.verbose_name_plural))

    def get_results(self, request: HttpRequest) -> None:
        """The page's rows."""
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count
        self.show_admin_actions = bool(self.result_count)


class UncountedList(GuardedAdmin[M]):
    """A list that doesn't count its table, and is searched by exact value or prefix on indexes.

    ``exact_search`` names the columns that a whole term is compared with, ``prefix_search`` those
    whose beginning it may be. Each must have an index; text columns of ``prefix_search`` need the
    collation C for it.
    """

    paginator = UncountedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a facet counts
    view_on_site = False  # a row's address is its page here
    list_per_page = 50
    # Sorting by a column without an index would sort the table.
    sortable_by = ()
    exact_search: Sequence[str] = ()
    prefix_search: Sequence[str] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The kind of list."""
        return NamedList

    @property
    def nothing_here(self) -> str:
        """What an empty list says."""
        return f"There are no {self.opts.verbose_name_plural} yet."

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """What the search box looks in; without any there is no box."""
        return [*self.prefix_search, *self.exact_search]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """The rows that one of the pasted terms names; several terms widen the search."""
        pasted = terms_in(search_term)
        # NUL can't be in the database, and Postgres refuses it as a parameter.
        terms = [term for term in pasted if "\0" not in term]
        if len(terms) > MOST_TERMS:
            messages.error(
                request,
                f"Nothing was looked for: {len(terms):,} terms were pasted, and a search takes "
                f"{MOST_TERMS} at once.",
            )
            return queryset.none(), False
        if not pasted:
            return queryset, False
        if not terms:
            return queryset.none(), False
        return queryset.filter(self.search_condition(terms)), False

    def search_condition(self, terms: list[str]) -> Q:
        """What a row must fulfil to be found by ``terms``, of which there is at least one."""
        condition = Q()
        for name in self.exact_search:
            condition |= Q(**{f"{name}__in": terms})
        for name in self.prefix_search:
            one = len(terms) == 1
            condition |= Q(**{f"{name}__startswith": terms[0]} if one else {f"{name}__in": terms})
        return condition

    def get_paginator(
        self,
        request: HttpRequest,
        queryset: QuerySet[M],
        per_page: int,
        orphans: int = 0,
        allow_empty_first_page: bool = True,
    ) -> UncountedPaginator:
        """The paginator, which looks ahead from the page that is asked for."""
        asked = request.GET.get("p", "1")
        return UncountedPaginator(
            queryset,
            per_page,
            orphans,
            allow_empty_first_page,
            page=int(asked) if asked.isdecimal() and len(asked) < 10 else 1,
        )


@dataclass(frozen=True)
class Button:
    """An action of the list, offered on the page of one row too."""

    name: str
    label: str


class ReadOnlyAdmin(UncountedList[M]):
    """Nobody adds, changes or deletes here, superusers included; who may view, views.

    ``page_actions`` names actions of the list that a row's page offers as buttons, to those who
    may run them.
    """

    never = frozenset({"add", "change", "delete"})
    change_form_template = "auditlog/readonly_page.html"
    page_actions: Sequence[str] = ()

    class Media:
        css = {"all": ["auditlog/readonly.css"]}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        """The page, with the buttons that this person may press."""
        if obj is not None:
            allowed = self.get_actions(request)
            buttons = [
                Button(name, action[2])
                for name in self.page_actions
                if (action := allowed.get(name)) and self.offers(name, obj)
            ]
            context = {**context, "buttons": buttons}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def offers(self, action: str, obj: M) -> bool:
        """Whether ``action`` makes sense for this row."""
        return True


def pretty_json(value: Any) -> SafeString:
    """A JSON value for reading: indented, in the order it has, escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="json">{}</pre>', text)
