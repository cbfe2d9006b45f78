"""Evidence and subjects of findings, for reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from monitoring.registry import WHOLE
from monitoring.subjects import model_of
from payments.admin.columns import admin_link, money
from payments.admin.mirror import moment

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def evidence_table(evidence: Sequence[tuple[str, Any]]) -> SafeString | str:
    """The numbers that disagree, one a line."""
    if not evidence:
        return "–"
    return format_html(
        '<table class="evidence"><tbody>{}</tbody></table>',
        format_html_join(
            "",
            '<tr><th scope="row">{}</th><td>{}</td></tr>',
            ((name, shown(value)) for name, value in evidence),
        ),
    )


def shown(value: Any) -> SafeString | str:
    """One value of evidence (see ``monitoring.registry``): money, times and rows as such."""
    match value:
        case {"amount": amount, "currency": currency}:
            return money(amount, currency)
        case {"at": at}:
            return moment(datetime.fromisoformat(at)) if at else "–"
        case {"model": model, "id": key, "text": text}:
            return link(model, key, text)
        case list():
            return format_html_join(mark_safe("<br>"), "{}", ((shown(one),) for one in value))
        case int():
            return format_html('<span class="figure">{}</span>', f"{value:,}")
        case None | "":
            return "–"
    return str(value)


def link(model_label: str, key: str, text: str = "") -> SafeString | str:
    """A link to a subject's page, or to its list where the subject is the table as a whole."""
    model = model_of(model_label)
    if model is None:
        return text or key
    if key != WHOLE:
        return admin_link(model, key, text or f"{model._meta.verbose_name} {key}")
    plural = text or f"all {model._meta.verbose_name_plural}"
    try:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    except NoReverseMatch:
        return plural
    return format_html('<a href="{}">{}</a>', url, plural)
