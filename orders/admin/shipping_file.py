"""Fulfilling orders from a file: choose it, see what it would do, do it, read what was skipped.

Nothing is kept on the server between the steps: the file's text travels with the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from orders.admin.acting import ActingAdmin, ListPage, ReasonForm
from orders.admin.bulk import counted
from orders.csv_files import Unreadable
from orders.services.fulfilment import Fulfilled
from orders.services.shipping_file import MOST_BYTES, MOST_ROWS, ShippingFile, read_shipments

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

SHOWN = 200


class FileForm(forms.Form):
    """The file, read into ``shipping`` and kept as ``text``."""

    file = forms.FileField(
        label="CSV file",
        help_text=(
            "Columns order_number, carrier and tracking_number, named in the first row; UTF-8, "
            f"commas or semicolons; at most {MOST_ROWS:,} rows and {MOST_BYTES // 1000:,} kB. "
            "Nothing is done before you have seen what would be."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if file.size is None or file.size > MOST_BYTES:
            raise forms.ValidationError(f"It is larger than {MOST_BYTES // 1000:,} kB.")
        content = file.read()
        self.shipping = shipments_of(content)
        self.text = content.decode("utf-8-sig", "replace")
        return file


class ConfirmForm(ReasonForm):
    """The file's text again, and why."""

    name = forms.CharField(max_length=255, widget=forms.HiddenInput)
    text = forms.CharField(max_length=MOST_BYTES * 2, strip=False, widget=forms.HiddenInput)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        self.shipping = shipments_of(text.encode("utf-8", "replace"))
        return text


def shipments_of(content: bytes) -> ShippingFile:
    try:
        return read_shipments(content.splitlines(keepends=True))
    except Unreadable as error:
        raise forms.ValidationError(f"It can’t be read: {error}.") from None


def fulfil_file(page: ActingAdmin, request: HttpRequest) -> HttpResponse:
    """GET asks for the file; POST with the file says what it would do, with its text does it."""
    if request.method == "POST" and "text" in request.POST:
        confirmed = ConfirmForm(request.POST)
        if confirmed.is_valid():
            values = confirmed.cleaned_data
            reason = f"{values['reason']} ({values['name']})"
            return result(page, request, confirmed.shipping.fulfil(reason=reason), done=True)
        if "text" not in confirmed.errors:
            return preview(page, request, confirmed.shipping, confirmed)
        messages.error(request, "Nothing was done: choose the file again.")
        return ask(page, request, FileForm())
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    if form.is_valid():
        initial = {"name": form.cleaned_data["file"].name, "text": form.text}
        return preview(page, request, form.shipping, ConfirmForm(initial=initial))
    return ask(page, request, form)


def ask(page: ActingAdmin, request: HttpRequest, form: FileForm) -> HttpResponse:
    return page.render_list_page(
        request, FULFIL_FILE, "admin/orders/order/shipping_file.html", {"form": form}
    )


def preview(
    page: ActingAdmin, request: HttpRequest, shipping: ShippingFile, form: ConfirmForm
) -> HttpResponse:
    results = shipping.fulfil(reason="", dry_run=True)
    return result(page, request, results, form=form, ignored=shipping.ignored)


def result(
    page: ActingAdmin,
    request: HttpRequest,
    results: Sequence[Fulfilled],
    *,
    done: bool = False,
    form: ConfirmForm | None = None,
    ignored: Sequence[str] = (),
) -> HttpResponse:
    """What was done or would be, and all that is skipped with the reason."""
    able = [one for one in results if not one.refusal]
    skipped = [one for one in results if one.refusal]
    orders, rows = counted(len(able), "order"), counted(len(skipped), "row")
    if done:
        summary = f"{orders} fulfilled, {rows} skipped. What was skipped is as it was before."
    else:
        summary = f"{orders} would be fulfilled, {rows} would be skipped."
    if ignored:
        summary += f" Columns left alone: {', '.join(ignored)}."
    return page.render_list_page(
        request,
        FULFIL_FILE,
        "admin/orders/order/shipping_result.html",
        {
            "done": done,
            "summary": summary,
            "button": f"Fulfil {orders}",
            "skipped": skipped,
            "able": able[:SHOWN],
            "more": max(len(able) - SHOWN, 0),
            "form": form,
        },
    )


FULFIL_FILE = ListPage(
    name="fulfil_file",
    title="Fulfil from a file",
    permission="orders.change_order",
    view=fulfil_file,
)
