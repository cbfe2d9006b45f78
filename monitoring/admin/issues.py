"""Pages of issues: what is wrong, how much money, since when, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from auditlog.access import row_action
from auditlog.readonly import ReadOnlyAdmin
from monitoring import registry
from monitoring.admin import deciding
from monitoring.admin.evidence import evidence_table, link
from monitoring.admin.issue_filters import (
    AssigneeFilter,
    CameBackFilter,
    CheckFilter,
    MoneyFilter,
    StatusFilter,
    TouchesFilter,
)
from monitoring.admin.run_button import MAY_RUN, RunButton
from monitoring.history import history
from monitoring.models import Issue, IssueTransition
from monitoring.registry import CRASHED
from monitoring.remedies.registry import all_remedies
from monitoring.selectors import SEVERITY_RANK
from monitoring.services.runs import run_checks
from monitoring.services.triage import assign
from monitoring.subjects import named, subject_of
from orders.admin.acting import ActingAdmin
from orders.admin.bulk import Column
from payments.admin.columns import money
from payments.admin.mirror import moment

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.utils.safestring import SafeString


def at_risk(issue: Issue) -> SafeString | str:
    """The money at risk; a dash where it isn't about money."""
    return "–" if issue.amount_minor is None else money(issue.amount_minor, issue.currency)


def severity(issue: Issue) -> SafeString:
    return format_html(
        '<span class="severity severity-{}">{}</span>', issue.severity, issue.severity
    )


def standing(issue: Issue) -> SafeString | str:
    """Its status, until when it is muted, and that it was re-opened."""
    if issue.muted_until is not None:
        return format_html("muted until {}", moment(issue.muted_until))
    status = str(issue.get_status_display())
    return f"{status}, re-opened {times(issue.reopened)}" if issue.reopened else status


def times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


@admin.register(Issue)
class IssueAdmin(RunButton, ActingAdmin, ReadOnlyAdmin[Issue]):
    acts = (*all_remedies(), *deciding.ACTS, deciding.ASSIGN, deciding.NOTE)
    bulk_columns = (
        Column("Severity", severity),
        Column("Status", standing),
        Column("Money at risk", at_risk, figure=True),
    )
    change_list_template = None  # type: ignore[assignment]  # that of the app
    change_form_template = "admin/monitoring/issue/change_form.html"
    list_display = (
        "severity_sign",
        "summary",
        "at_risk",
        "standing",
        "since",
        "check_title",
        "assignee",
    )
    list_display_links = ("summary",)
    list_filter = (
        StatusFilter,
        AssigneeFilter,
        "severity",
        MoneyFilter,
        "kind",
        CheckFilter,
        TouchesFilter,
        CameBackFilter,
    )
    list_select_related = ("assignee",)
    ordering = (SEVERITY_RANK.desc(), "-last_seen", "-id")
    exact_search = ("subject_id",)
    search_help_text = (
        "What issues are about: an order’s number, or the id of an order, a payment, a charge, or "
        "whatever it is. Several may be pasted."
    )
    actions = ("take", "run_check_now")
    page_actions = ("take", "run_check_now")
    nothing_here = "Nothing needs someone."
    readonly_fields = ("check_title", "came_back")
    fieldsets: ClassVar[Any] = (
        (
            "Found by",
            {
                "fields": (
                    "check_title",
                    "kind",
                    "first_seen",
                    "last_seen",
                    "occurrences",
                    "came_back",
                ),
                "classes": ("dense",),
            },
        ),
    )

    class Media:
        css = {"all": ["orders/admin.css", "monitoring/issue.css"]}

    def search_condition(self, terms: list[str]) -> Q:
        return named(terms)

    @admin.display(description="severity")
    def severity_sign(self, issue: Issue) -> SafeString:
        return severity(issue)

    @admin.display(description="money at risk")
    def at_risk(self, issue: Issue) -> SafeString | str:
        return at_risk(issue)

    @admin.display(description="status")
    def standing(self, issue: Issue) -> SafeString | str:
        return standing(issue)

    @admin.display(description="first seen")
    def since(self, issue: Issue) -> SafeString | str:
        return moment(issue.first_seen)

    @admin.display(description="check")
    def check_title(self, issue: Issue) -> str:
        return issue.check_name.replace("_", " ")

    @admin.display(description="re-opened")
    def came_back(self, issue: Issue) -> str:
        return times(issue.reopened) if issue.reopened else "never"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The issue: what is wrong, and what this person may do about it."""
        issue = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if issue is not None and self.has_view_permission(request, issue):
            context |= self.head(request, issue)
        return super().change_view(request, object_id, form_url, context)

    def head(self, request: HttpRequest, issue: Issue) -> dict[str, Any]:
        """What stands above everything else."""
        check = registry.get(issue.check_name)
        row = subject_of(issue)
        text = f"{row._meta.verbose_name} {row}" if row else ""
        acts = {act["name"]: act for act in self.open_acts(request, issue)}
        offered = check.remedies if check else ()
        return {
            "title": issue.summary,
            "subtitle": None,
            "issue": issue,
            "check": check,
            "severity": severity(issue),
            "at_risk": at_risk(issue),
            "subject": link(issue.subject_type, issue.subject_id, text),
            "step": IssueTransition.objects.filter(issue=issue)
            .select_related("run", "actor")
            .order_by("-id")
            .first(),
            "evidence": evidence_table(issue.evidence),
            "happened": history(issue),
            "remedies": [acts[name] for name in offered if name in acts],
            "decisions": [act for name, act in acts.items() if name not in offered],
        }

    @row_action("Assign to me", deciding.MAY)
    def take(self, request: HttpRequest, queryset: QuerySet[Issue]) -> HttpResponse | None:
        """Make the chosen issues those of whoever asks."""
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[:1000])
        changed = len(assign(chosen, cast("User", request.user)))
        self.message_user(
            request,
            f"{changed} {'issue is' if changed == 1 else 'issues are'} yours now.",
            messages.SUCCESS,
        )
        return self.back_to_page(request, chosen)

    def back_to_page(self, request: HttpRequest, chosen: list[int]) -> HttpResponse | None:
        """To the issue's page, if its button was pressed; None stands for the list."""
        if "from_page" in request.POST and len(chosen) == 1:
            return redirect("admin:monitoring_issue_change", chosen[0])
        return None

    @row_action("Run this check now", MAY_RUN)
    def run_check_now(self, request: HttpRequest, queryset: QuerySet[Issue]) -> HttpResponse | None:
        """Run the checks of the chosen issues, and say what came of it."""
        chosen = list(queryset.order_by("id").values_list("pk", "check_name", "subject_id")[:1000])
        # The issue of a check that could not run is looked at by running that check.
        names = {subject if name == CRASHED.name else name for _, name, subject in chosen}
        known = sorted(name for name in names if registry.get(name) not in (None, CRASHED))
        if known:
            run = run_checks(known)
            for result in run.results:
                level = messages.ERROR if result["error"] else messages.SUCCESS
                self.message_user(request, said(result), level)
        else:
            self.message_user(request, "That check no longer exists.", messages.WARNING)
        return self.back_to_page(request, [pk for pk, _, _ in chosen])


def said(result: dict[str, Any]) -> str:
    """What became of one check, in a sentence."""
    if result["error"]:
        return f"Check {result['check']} could not run: {result['error'].splitlines()[0]}"
    return (
        "Check {check}: {found} found, {opened} new, {reopened} re-opened, {resolved} resolved."
    ).format(**result)
