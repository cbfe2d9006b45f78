"""Buyers: one row a customer, and all that each of them bought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from auditlog.readonly import NamedList, ReadOnlyAdmin
from orders.admin import columns
from orders.buyers import SHOWN, bought_by, customer_detail, customers
from orders.models import Customer
from payments.admin.columns import admin_link
from payments.admin.mirror import moment
from payments.models import Customer as StripeCustomer

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

LISTED = "_bought"


class CustomerList(NamedList):
    """The page of the list, with what its customers bought: two statements, however many."""

    def get_results(self, request: HttpRequest) -> None:
        """The page's rows."""
        super().get_results(request)
        rows = list(self.result_list)
        found = bought_by([customer.pk for customer in rows])
        for customer in rows:
            setattr(customer, LISTED, found.get(customer.pk))
        self.result_list = rows


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin[Customer]):
    """Made from what Stripe and the shop say of their buyers."""

    change_form_template = "admin/orders/customer/change_form.html"
    list_display = ("__str__", "email", "stripe", "orders_placed", "last_order", "known_since")
    ordering = ("-id",)
    exact_search = ("email", "stripe_customer")
    search_help_text = (
        "An e-mail address, or Stripe’s customer id. Up to 200 may be pasted at once."
    )
    readonly_fields = ("name", "address", "stripe", "known_since")
    fieldsets = ((None, {"fields": readonly_fields, "classes": ("dense",)}),)

    class Media:
        css = {"all": ["orders/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        return customers()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CustomerList

    def search_condition(self, terms: list[str]) -> Q:
        """Addresses are kept in lower case."""
        return Q(stripe_customer__in=terms) | Q(email__in=[term.lower() for term in terms])

    @admin.display(description="Stripe customer")
    def stripe(self, customer: Customer) -> SafeString | str:
        """The customer at Stripe; a guest has none."""
        key = customer.stripe_customer_id
        return admin_link(StripeCustomer, key) if key else "guest"

    @admin.display(description="e-mail")
    def address(self, customer: Customer) -> str:
        return customer.email or columns.NONE

    @admin.display(description="known since")
    def known_since(self, customer: Customer) -> SafeString | str:
        return moment(customer.created_at)

    @admin.display(description="orders")
    def orders_placed(self, customer: Customer) -> SafeString | str:
        bought = getattr(customer, LISTED, None)
        return columns.figure(bought.orders) if bought else columns.NONE

    @admin.display(description="last order")
    def last_order(self, customer: Customer) -> SafeString | str:
        bought = getattr(customer, LISTED, None)
        return f"{bought.last_at:%Y-%m-%d}" if bought else columns.NONE

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The customer; a guest that is one of Stripe's customers leads to that one."""
        if object_id.isdecimal() and self.has_view_permission(request):
            guest = Customer.objects.filter(pk=object_id, same_as__isnull=False).first()
            if guest:
                return HttpResponseRedirect(
                    reverse("admin:orders_customer_change", args=[guest.same_as_id])
                )
        context = dict(extra_context or {})
        customer = self.get_object(request, object_id)
        if customer is not None and self.has_view_permission(request, customer):
            context |= {
                "detail": customer_detail(customer),
                "shown": SHOWN,
                "shown_slice": f":{SHOWN}",
            }
        return super().change_view(request, object_id, form_url, context)
