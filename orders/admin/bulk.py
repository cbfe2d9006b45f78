"""Doing one thing to many rows of a list: confirm with a reason, do it, report row by row.

Nothing is kept between the pages: the chosen rows travel as hidden fields, and each is looked at
again when it is its turn. What was sent twice finds the rows done and skips them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from auditlog.access import Access, GuardedAdmin, guarded, needs

if TYPE_CHECKING:
    from django import forms

    from orders.admin.acting import Act

logger = logging.getLogger(__name__)

DONE, SKIPPED, UNKNOWN, FAILED = "done", "skipped", "not known", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one row: ``result`` is one of the words above, ``text`` what or why."""

    row: Any
    result: str
    text: str


@dataclass(frozen=True)
class Column:
    """What the confirmation shows of each row beside its name; figures stand right."""

    heading: str
    show: Callable[[Any], object]
    figure: bool = False


@dataclass(frozen=True)
class Bulk:
    """How an act is done to many rows.

    ``explanation`` says what will be done to so many rows, ``form`` makes the form for all of them
    (data None: a fresh one). Without ``perform`` each row goes through the act's own ``perform``
    with that form; ``perform`` does all rows at once and says what became of each, in their order.
    ``most`` is how many rows may be chosen: fewer where each is a call to Stripe.
    """

    explanation: Callable[[int], str]
    form: Callable[[Any], forms.Form]
    perform: Callable[[Sequence[Any], forms.Form], Sequence[Outcome]] | None = None
    most: int = 500


def counted(count: int, noun: str) -> str:
    """``1 order``, ``2 orders``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def one_by_one(act: Act, rows: Sequence[Any], form: forms.Form) -> list[Outcome]:
    """Do the act to each row by itself: one that fails doesn't keep the others from their turn.

    Whether a row can be done is for the service to say: it also knows why not.
    """
    return [one(act, row, form) for row in rows]


def one(act: Act, row: Any, form: forms.Form) -> Outcome:
    try:
        return Outcome(row, DONE, act.perform(row, form))
    except act.refusals as error:
        return Outcome(row, UNKNOWN if isinstance(error, act.uncertain) else SKIPPED, str(error))
    except Exception:
        logger.exception("%s failed for %r", act.name, row)
        return Outcome(row, FAILED, "Went wrong unexpectedly; the server’s log says how.")


class BulkActing(GuardedAdmin[Any]):
    """A mixin: each act of ``acts`` with a ``bulk`` is an action of the list too.

    ``bulk_columns`` are what the confirmation shows of each row.
    """

    acts: tuple[Act, ...] = ()
    bulk_columns: tuple[Column, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        """Where the confirmations are sent to, before Django's own."""
        own = [
            path(
                f"bulk-{act.name}/",
                self.admin_site.admin_view(
                    guarded(self.access_to("view") & needs(act.permission))(self.bulk_view)
                ),
                {"act": act},
                name=self.bulk_url_name(act),
            )
            for act in self.acts
            if act.bulk
        ]
        return own + super().get_urls()

    def bulk_url_name(self, act: Act) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_bulk_{act.name}"

    def row_actions(self) -> dict[str, Access | None]:
        """The list's actions, the acts that can be done to many rows among them."""
        bulk = {act.name: needs(act.permission) for act in self.acts if act.bulk}
        return {**super().row_actions(), **bulk}

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The list's actions, with the acts that this person may do to many rows."""
        actions: dict[str, Any] = super().get_actions(request)
        for act in self.acts:
            if act.bulk and request.user.has_perm(act.permission):
                actions[act.name] = (partial(choose, act=act), act.name, f"{act.title}…")
        return actions

    def bulk_view(self, request: HttpRequest, act: Act) -> HttpResponse:
        """POST with a reason does the act to the chosen rows and reports; GET leads to the list."""
        back = HttpResponseRedirect(list_url(self))
        assert act.bulk
        if request.method != "POST":
            messages.info(request, f"{act.title}: choose the rows in the list first.")
            return back
        keys = list(dict.fromkeys(request.POST.getlist("row")))
        if not 0 < len(keys) <= act.bulk.most:
            messages.error(request, too_many(act.bulk.most) if keys else "No row was chosen.")
            return back
        rows = self.chosen_rows(request, keys)
        form = act.bulk.form(request.POST)
        if not form.is_valid():
            return confirmation(self, request, act, rows, form)
        if identity := act.identity_form(request, rows, form):
            return confirmation(self, request, act, rows, form, identity)
        perform = act.bulk.perform or partial(one_by_one, act)
        return report(self, request, act, perform(rows, form), missing=len(keys) - len(rows))

    def chosen_rows(self, request: HttpRequest, keys: Sequence[str]) -> list[Any]:
        """The rows of these keys that this person may see, in the list's order."""
        try:
            wanted = [self.opts.pk.to_python(key) for key in keys]
        except ValidationError:
            return []
        return list(self.get_queryset(request).filter(pk__in=wanted))


def choose(
    page: BulkActing, request: HttpRequest, queryset: QuerySet[Any], *, act: Act
) -> HttpResponse | None:
    """The list's action: ask what is about to be done to the chosen rows, and why."""
    assert act.bulk
    rows = list(queryset[: act.bulk.most + 1])
    if len(rows) > act.bulk.most:
        messages.error(request, too_many(act.bulk.most))
        return None
    return confirmation(page, request, act, rows, act.bulk.form(None))


def too_many(most: int) -> str:
    return f"Nothing was done: choose {counted(most, 'row')} at most, for instance by a filter."


def list_url(page: admin.ModelAdmin[Any]) -> str:
    return reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")


def confirmation(
    page: BulkActing,
    request: HttpRequest,
    act: Act,
    rows: Sequence[Any],
    form: forms.Form,
    identity: forms.Form | None = None,
) -> HttpResponse:
    assert act.bulk
    possible = sum(1 for row in rows if act.possible(row))
    return render(
        page,
        request,
        act,
        "admin/orders/bulk_confirm.html",
        {
            "explanation": act.bulk.explanation(possible),
            "form": form,
            "identity": identity,
            "rows": [
                (
                    row,
                    [(column.show(row), column.figure) for column in page.bulk_columns],
                    act.possible(row),
                )
                for row in rows
            ],
            "possible": possible,
            "columns": page.bulk_columns,
            "action": reverse(f"admin:{page.bulk_url_name(act)}"),
        },
    )


def report(
    page: BulkActing, request: HttpRequest, act: Act, outcomes: Sequence[Outcome], *, missing: int
) -> HttpResponse:
    counts = {
        word: sum(1 for outcome in outcomes if outcome.result == word)
        for word in (DONE, SKIPPED, UNKNOWN, FAILED)
    }
    return render(
        page,
        request,
        act,
        "admin/orders/bulk_report.html",
        {
            "outcomes": [(outcome, page_of(outcome.row)) for outcome in outcomes],
            "counts": {word: count for word, count in counts.items() if count or word == DONE},
            "missing": missing,
        },
    )


def page_of(row: Any) -> str:
    """The address of the row's page in the admin."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(str(row.pk))])


def render(
    page: BulkActing, request: HttpRequest, act: Act, template: str, context: dict[str, Any]
) -> HttpResponse:
    return TemplateResponse(
        request,
        template,
        {
            **page.admin_site.each_context(request),
            "title": f"{act.title}: several {page.opts.verbose_name_plural}",
            "act": act,
            "back": list_url(page),
            "opts": page.opts,
            "media": page.media,
            **context,
        },
    )
