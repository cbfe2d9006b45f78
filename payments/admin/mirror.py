"""What the pages of all mirrored objects share: they show, link and never change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from auditlog.readonly import ReadOnlyAdmin, pretty_json
from payments.admin.columns import admin_link, money, money_column
from payments.admin.extra import annotations_of, columns_of
from payments.models import MirrorObject, StripeEvent, StripeReference

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

M = TypeVar("M", bound=MirrorObject)
Shown = str | Callable[[Any], Any]
SHOWN = 20


@dataclass(frozen=True)
class Related:
    """Mirrored objects that point here: by which of their (indexed) columns."""

    title: str
    model: type[MirrorObject]
    column: str
    amount: str = "amount"


def reference_column(field: str, model: type[MirrorObject]) -> Callable[[Any], Any]:
    """A list column that links to the object referred to, whether or not it has arrived."""

    @admin.display(description=field.replace("_", " "))
    def show(row: Any) -> SafeString | str:
        key = getattr(row, f"{field}_id")
        return admin_link(model, key) if key else "–"

    show.__name__ = f"{field}_link"
    return show


def detailed_reference(field: StripeReference) -> Callable[[Any], Any]:
    """A page's line that links to the object referred to, or says that it hasn't arrived."""

    @admin.display(description=field.verbose_name)
    def show(row: Any) -> SafeString | str:
        key = getattr(row, field.attname)
        if not key:
            return "–"
        if field.related_model._base_manager.filter(pk=key).exists():
            return admin_link(field.related_model, key)
        return format_html("{} (not received yet)", key)

    show.__name__ = f"{field.name}_link"
    return show


def json_column(field: str) -> Callable[[Any], SafeString | str]:
    """A page's line that shows a JSON value for reading."""

    @admin.display(description=field.replace("_", " "))
    def show(row: Any) -> SafeString | str:
        value = getattr(row, field)
        return pretty_json(value) if value else "–"

    show.__name__ = f"{field}_json"
    return show


def flag_column(field: str) -> Callable[[Any], str]:
    """Yes or no in words: a red cross beside "refunded" would alarm without a cause."""

    @admin.display(description=field.replace("_", " "))
    def show(row: Any) -> str:
        return "yes" if getattr(row, field) else "no"

    show.__name__ = f"{field}_flag"
    return show


def shown(field: models.Field[Any, Any]) -> Shown:
    """How a page shows a field: money as money, references as links, JSON for reading."""
    if isinstance(field, models.BooleanField):
        return flag_column(field.name)
    if isinstance(field, StripeReference):
        return detailed_reference(field)
    if isinstance(field, models.BigIntegerField):
        return money_column(field.name)
    if isinstance(field, models.JSONField):
        return json_column(field.name)
    return field.name


class MirrorAdmin(ReadOnlyAdmin[M]):
    """A mirrored object: found by Stripe's id, linked to Stripe's dashboard, to what refers to it
    and to the observations that it is made of."""

    prefix_search = ("id",)
    search_help_text = "Stripe's id, or its beginning. Several whole ids may be pasted."
    related: Sequence[Related] = ()
    # How its page shows fields that aren't shown as their kind is (see shown).
    shown_as: ClassVar[Mapping[str, Shown]] = {}
    change_form_template = "admin/payments/mirror_page.html"
    # Of every object; shown last.
    BOOKKEEPING = ("livemode", "created", "metadata", "as_of", "api_version", "ambiguous")

    def __init__(self, model: type[M], site: admin.AdminSite) -> None:
        super().__init__(model, site)
        own = [f for f in model._meta.concrete_fields if f.name not in self.BOOKKEEPING]
        self.object_fields: list[Shown] = [
            "stripe",
            *(self.shown_as.get(f.name) or shown(f) for f in own if f.name != "id"),
        ]
        by_name = {field.name: field for field in model._meta.concrete_fields}
        self.bookkeeping_fields: list[Shown] = [shown(by_name[n]) for n in self.BOOKKEEPING]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[M]:
        """The objects, with what other apps' columns need of each."""
        found: models.QuerySet[M]
        found = super().get_queryset(request).annotate(**annotations_of(self.model))
        return found

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns, those of other apps before the last."""
        own = list(super().get_list_display(request))
        return [*own[:-1], *columns_of(self.model, request), *own[-1:]]

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        """The object; what refers to it; how we know."""
        sets: list[tuple[str | None, dict[str, Any]]] = [(None, {"fields": self.object_fields})]
        if self.related:
            sets.append(("Related", {"fields": ["related_objects"]}))
        sets.append(("How we know", {"fields": [*self.bookkeeping_fields, "observations"]}))
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> list[Any]:
        return [
            *self.object_fields,
            "related_objects",
            *self.bookkeeping_fields,
            "observations",
        ]

    @admin.display(description="Stripe id")
    def stripe(self, row: M) -> SafeString:
        """The id, and the way to it in Stripe's dashboard."""
        return format_html(
            '<code class="id">{}</code> <a href="{}" rel="noopener noreferrer">'
            "open in Stripe’s dashboard</a>",
            row.pk,
            row.dashboard_url,
        )

    @admin.display(description="related")
    def related_objects(self, row: M) -> SafeString:
        """The newest of each kind that refer to this one."""
        lines = []
        for related in self.related:
            found = related.model._base_manager.filter(**{related.column: row.pk})
            for other in found.order_by("-created", "-pk")[: SHOWN + 1]:
                lines.append((related.title, *self.line(related, other)))
        if not lines:
            return format_html("{}", "Nothing refers to it.")
        return table(("What", "Id", "Amount", "Status", "Created"), lines)

    def line(self, related: Related, other: MirrorObject) -> tuple[Any, ...]:
        return (
            admin_link(related.model, other.pk),
            money(getattr(other, related.amount), getattr(other, "currency", ""))
            if related.amount
            else "",
            getattr(other, "status", ""),
            moment(other.created),
        )

    @admin.display(description="observations")
    def observations(self, row: M) -> SafeString:
        """The newest observations of the object, and the way to all of them."""
        events = (
            StripeEvent.objects.filter(object_type=self.model.OBJECT, object_id=row.pk)
            .order_by("-as_of", "-id")
            .only("stripe_id", "type", "source", "as_of", "status")[: SHOWN + 1]
        )
        lines = [
            (
                moment(event.as_of),
                event.type,
                admin_link(StripeEvent, event.pk, event.stripe_id),
                event.source,
                event.status,
            )
            for event in events
        ]
        if not lines:
            return format_html("{}", "None is kept.")
        shown_table = table(("As of", "Type", "Event", "Source", "Status"), lines[:SHOWN])
        if len(lines) <= SHOWN:
            return shown_table
        everything = urlencode({"q": row.pk})
        return format_html(
            '{}<p><a href="{}?{}">All observations</a></p>',
            shown_table,
            reverse("admin:payments_stripeevent_changelist"),
            everything,
        )


def table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> SafeString:
    """A small table; every cell is escaped, numbers and money stand to the right."""
    figures = ('class="money"', 'class="figure"')
    numeric = [
        isinstance(cell, int) or any(sign in str(cell) for sign in figures) for cell in lines[0]
    ]
    classes = ["number" if is_number else "word" for is_number in numeric]
    body = (
        (format_html_join("", '<td class="{}">{}</td>', zip(classes, line, strict=True)),)
        for line in lines
    )
    return format_html(
        '<table class="evidence"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", '<th scope="col" class="{}">{}</th>', zip(classes, head, strict=True)),
        format_html_join("", "<tr>{}</tr>", body),
    )


def moment(at: datetime | None) -> SafeString | str:
    """A time with its zone, in the database's UTC."""
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}"><span>{}</span> <span>{} UTC</span></time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d"),
        at.strftime("%H:%M:%S"),
    )
