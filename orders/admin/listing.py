"""The list of orders: its columns, filters and search, and the export of what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from auditlog.access import guarded, needs
from auditlog.exports import download_response
from auditlog.readonly import MOST_TERMS, NamedList, ReadOnlyAdmin, terms_in
from orders import flags
from orders.admin import columns, pasting
from orders.admin.filters import (
    FlagFilter,
    RefundStatusFilter,
    SourceFilter,
    StatusFilter,
    WaitingFilter,
    waiting_of,
)
from orders.exports import export_orders
from orders.models import Order
from orders.search import find_orders
from orders.states import WAITS_SINCE
from payments.admin.columns import money_column

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

EXPORT = "orders.export_order"
LISTED_FLAGS = "_listed_flags"


class OrderChangeList(NamedList):
    """The page of the list, which knows the flags of its rows and what was pasted."""

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        text = pasting.lengthen(request.session, self.query)
        self.search_text = "" if text is None else text
        self.search_terms = len(terms_in(self.search_text))
        self.without_search = self.get_query_string(remove=[SEARCH_VAR])

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page with their flags: one statement more, however many there are."""
        super().get_results(request)
        rows = list(self.result_list)
        found = flags.flags_of([order.pk for order in rows])
        for order in rows:
            setattr(order, LISTED_FLAGS, found.get(order.pk, []))
        self.result_list = rows


class OrderListing(ReadOnlyAdmin[Order]):
    """Everything about the list; what may be done to an order is elsewhere."""

    list_display = (
        "number",
        columns.status,
        "flag_words",
        money_column("total_minor"),
        columns.refunded,
        columns.age,
        columns.buyer,
        columns.placed,
    )
    list_filter = (
        StatusFilter,
        WaitingFilter,
        FlagFilter,
        RefundStatusFilter,
        "placed_at",
        SourceFilter,
    )
    list_select_related = ("customer",)
    ordering = ("-placed_at", "-id")
    date_hierarchy = None
    search_help_text = (
        "An order number or its beginning, an e-mail address, a tracking number, or the Stripe id "
        "of a payment, charge, refund, session or customer. Up to 200 whole ones at once."
    )

    def get_urls(self) -> list[URLPattern]:
        """The search and the export, before Django's own pages."""
        own = [
            path(
                "search/",
                self.admin_site.admin_view(guarded(self.access_to("view"))(self.search_view)),
                name="orders_order_search",
            ),
            path(
                "export/",
                self.admin_site.admin_view(
                    guarded(self.access_to("view") & needs(EXPORT))(require_POST(self.export_view))
                ),
                name="orders_order_export",
            ),
        ]
        return own + super().get_urls()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OrderChangeList

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The newest first; of those that wait, the one that has waited longest."""
        asked = waiting_of(request.GET.get(WaitingFilter.parameter_name))
        return (WAITS_SINCE[asked[0]], "id") if asked else self.ordering

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """There is a search; ``search_condition`` says where."""
        return ["number"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """The orders that the pasted terms name."""
        text = pasting.lengthen(request.session, search_term)
        if text is None:
            messages.warning(request, "That search isn’t kept any more. Please paste it again.")
            return queryset.none(), False
        return super().get_search_results(request, queryset, text)

    def search_condition(self, terms: list[str]) -> Q:
        return find_orders(terms)

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Takes a search of any length, and sends to the list that shows what it finds."""
        asked: dict[str, Any] = request.POST.dict()
        for name in ("csrfmiddlewaretoken", PAGE_VAR):
            asked.pop(name, None)
        text = str(asked.pop(SEARCH_VAR, ""))
        if text.strip():
            asked[SEARCH_VAR] = pasting.shorten(request.session, text)
        return HttpResponseRedirect(self.list_address(asked))

    def list_address(self, asked: dict[str, Any]) -> str:
        query = f"?{urlencode(asked)}" if asked else ""
        return reverse("admin:orders_order_changelist") + query

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"may_export": request.user.has_perm(EXPORT), **(extra_context or {})}
        return super().changelist_view(request, context)

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """What the list at this query string shows, all pages of it, as CSV."""
        asked = request.GET.dict()
        text = pasting.lengthen(request.session, asked.get(SEARCH_VAR, ""))
        terms = terms_in(text or "")
        if text is None or len(terms) > MOST_TERMS:
            return HttpResponseRedirect(self.list_address(asked))  # which says why
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self.list_address({}))
        asked.pop(SEARCH_VAR, None)
        # Nobody erases what is in the audit log: whose address was looked for doesn't get there.
        shown_terms = ["an e-mail address" if "@" in term else term for term in terms]
        about = {"filter": asked, "search": shown_terms}
        return download_response("orders", export_orders(shown.queryset, about))

    @admin.display(description="flags")
    def flag_words(self, order: Order) -> SafeString | str:
        """What is wrong with it; the list has looked that up for all of its rows."""
        found: list[flags.Flag] | None = getattr(order, LISTED_FLAGS, None)
        if found is None:
            found = flags.flags_of([order.pk]).get(order.pk, [])
        return columns.flag_words(found)
