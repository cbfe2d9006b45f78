"""Pages on which a person does something to a row: what, a form with a reason, one service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from auditlog.access import View, guarded, needs
from auditlog.identity import IdentityForm
from orders.admin.bulk import Bulk, BulkActing
from payments.refund_limit import Money, identity_for

# The longest reason: it is also what Stripe keeps as metadata of a refund.
LONGEST_REASON = 500


class ReasonForm(forms.Form):
    """Whoever acts says why."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}),
        help_text="Kept in the audit log.",
    )


@dataclass(frozen=True)
class Act:
    """One thing that can be done to a row of a model.

    ``form`` makes the form for the row (data None: a fresh one). ``perform`` calls the service with
    the cleaned form and returns what to tell; an error in ``refusals`` is told on the form, and
    ``refused`` makes the form that is shown then. After one in ``uncertain`` it may have been done.
    ``repeated`` says what came of this very form if it was sent before; it isn't performed then.
    With ``bulk`` it can be done to many rows of the list. ``moves`` says how much money it sends
    away from rows, by their form: above a limit whoever does it says again who they are.
    """

    name: str
    title: str
    permission: str
    button: str
    explanation: Callable[[Any], str]
    possible: Callable[[Any], bool]
    form: Callable[[Any, Any], forms.Form]
    perform: Callable[[Any, forms.Form], str]
    refusals: tuple[type[Exception], ...] = ()
    uncertain: tuple[type[Exception], ...] = ()
    refused: Callable[[Any, forms.Form, Exception], forms.Form] | None = None
    repeated: Callable[[Any, QueryDict], str] | None = None
    dangerous: bool = False
    bulk: Bulk | None = None
    moves: Callable[[Sequence[Any], Any], Iterable[Money]] | None = None

    def identity_form(
        self, request: HttpRequest, rows: Sequence[Any], form: forms.Form
    ) -> IdentityForm | None:
        """What whoever sent the valid ``form`` must fill in too before the act is done; None:
        nothing, or they have."""
        return identity_for(request, self.moves(rows, form)) if self.moves else None


@dataclass(frozen=True)
class ListPage:
    """A page beside the list, for those with the permission; ``view`` answers its requests."""

    name: str
    title: str
    permission: str
    view: Callable[[ActingAdmin, HttpRequest], HttpResponse]


class ActingAdmin(BulkActing):
    """A mixin that gives each act of ``acts`` a page below the row's own, and the list the pages
    of ``list_pages``."""

    list_pages: tuple[ListPage, ...] = ()
    change_list_template = "admin/orders/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The pages of the acts and beside the list, before Django's own."""
        own = [
            path(
                f"{page.name.replace('_', '-')}/",
                self.admin_site.admin_view(self.guarded(page, self.list_page_view)),
                {"page": page},
                name=self.url_name(page),
            )
            for page in self.list_pages
        ]
        own += [
            path(
                f"<path:object_id>/{act.name}/",
                self.admin_site.admin_view(self.guarded(act, self.act_view)),
                {"act": act},
                name=self.url_name(act),
            )
            for act in self.acts
        ]
        return own + super().get_urls()

    def guarded(self, of: Act | ListPage, view: View) -> View:
        """``view`` for those who may see the rows and do ``of`` to them."""
        return guarded(self.access_to("view") & needs(of.permission))(view)

    def url_name(self, of: Act | ListPage) -> str:
        meta = self.opts
        return f"{meta.app_label}_{meta.model_name}_{of.name}"

    def open_acts(self, request: HttpRequest, row: Model) -> list[dict[str, str]]:
        """The acts that this person may do to this row now, with their addresses."""
        return [
            {
                "name": act.name,
                "title": act.title,
                "url": reverse(f"admin:{self.url_name(act)}", args=[row.pk]),
            }
            for act in self.acts
            if request.user.has_perm(act.permission) and act.possible(row)
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the pages beside it that this person may open."""
        pages = [
            {"title": page.title, "url": reverse(f"admin:{self.url_name(page)}")}
            for page in self.list_pages
            if request.user.has_perm(page.permission)
        ]
        return super().changelist_view(request, {**(extra_context or {}), "list_pages": pages})

    def list_page_view(self, request: HttpRequest, page: ListPage) -> HttpResponse:
        """A page beside the list."""
        return page.view(self, request)

    def render_list_page(
        self, request: HttpRequest, page: ListPage, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        """A template with what every page beside the list has."""
        shared = {
            **self.admin_site.each_context(request),
            "title": page.title,
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, template, {**shared, **context})

    def act_view(self, request: HttpRequest, object_id: str, act: Act) -> HttpResponse:
        """GET shows what would be done and asks for the reason; POST does it."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"there is no {self.opts.verbose_name} {object_id}")
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        if request.method == "POST" and act.repeated and (told := act.repeated(row, request.POST)):
            messages.info(request, f"This form was sent before; nothing more was asked. {told}")
            return HttpResponseRedirect(back)
        if not act.possible(row):
            messages.error(request, f"{act.title}: not possible for {row} as it is now.")
            return HttpResponseRedirect(back)
        form = act.form(row, request.POST if request.method == "POST" else None)
        uncertain = False
        identity = None
        if request.method == "POST" and form.is_valid():
            identity = act.identity_form(request, [row], form)
        if request.method == "POST" and form.is_valid() and identity is None:
            try:
                done = act.perform(row, form)
            except act.refusals as error:
                uncertain = isinstance(error, act.uncertain)
                if act.refused:
                    form = act.refused(row, form, error)
                form.add_error(None, str(error))
            else:
                messages.success(request, done)
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{act.title}: {row}",
            "act": act,
            "explanation": act.explanation(row),
            "form": form,
            "identity": identity,
            "uncertain": uncertain,
            "row": row,
            "back": back,
            "opts": self.opts,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/orders/act.html", context)
