"""Pages of issues: what is wrong, how much money, since when, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from auditlog.readonly import ReadOnlyAdmin
from monitoring import registry
from monitoring.admin.evidence import evidence_table, find, link
from monitoring.admin.run_button import RunButton
from monitoring.models import Issue, IssueTransition
from monitoring.registry import CRASHED, WHOLE
from monitoring.selectors import SEVERITY_RANK
from monitoring.services.runs import run_checks
from monitoring.services.triage import assign
from payments.admin.columns import money
from payments.admin.mirror import moment, table

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.utils.safestring import SafeString


class StatusFilter(admin.SimpleListFilter):
    """Open issues are what one comes for."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("resolved", "resolved"), ("all", "all")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "open"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        match self.value():
            case None:
                return queryset.filter(status=Issue.Status.OPEN)
            case "resolved":
                return queryset.filter(status=Issue.Status.RESOLVED)
        return queryset


class CheckFilter(admin.SimpleListFilter):
    title = "check"
    parameter_name = "check_name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = sorted([CRASHED.name, *(check.name for check in registry.all_checks())])
        return [(name, name.replace("_", " ")) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        value = self.value()
        return queryset if value is None else queryset.filter(check_name=value)


class AssigneeFilter(admin.SimpleListFilter):
    title = "assigned to"
    parameter_name = "assignee"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "me"), ("nobody", "nobody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        match self.value():
            case "me":
                return queryset.filter(assignee=request.user.pk)
            case "nobody":
                return queryset.filter(assignee__isnull=True)
        return queryset


class CameBackFilter(admin.SimpleListFilter):
    title = "came back"
    parameter_name = "came_back"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "re-opened")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Issue]) -> QuerySet[Issue]:
        return queryset.filter(reopened__gt=0) if self.value() == "yes" else queryset


@admin.register(Issue)
class IssueAdmin(RunButton, ReadOnlyAdmin[Issue]):
    list_display = (
        "severity_sign",
        "summary",
        "at_risk",
        "since",
        "latest",
        "came_back",
        "check_title",
        "status",
        "assignee",
    )
    list_display_links = ("summary",)
    list_filter = (StatusFilter, AssigneeFilter, "severity", "kind", CheckFilter, CameBackFilter)
    list_select_related = ("assignee",)
    ordering = (SEVERITY_RANK.desc(), "-last_seen", "-id")
    exact_search = ("subject_id",)
    search_help_text = "The id of what an issue is about: exactly. Several may be pasted."
    actions = ("take", "give_back", "run_check_now")
    page_actions = ("take", "give_back", "run_check_now")
    nothing_here = "No issue is open."
    readonly_fields = (
        "severity_sign",
        "subject",
        "at_risk",
        "evidence_shown",
        "check_title",
        "meaning",
        "remedy",
        "came_back",
        "timeline",
    )
    fieldsets = (
        (
            None,
            {"fields": ("severity_sign", "status", "at_risk", "subject")},
        ),
        ("The numbers", {"fields": ("evidence_shown",)}),
        ("What it means, what to do", {"fields": ("check_title", "kind", "meaning", "remedy")}),
        (
            "Its life",
            {
                "fields": (
                    "first_seen",
                    "last_seen",
                    "occurrences",
                    "came_back",
                    "resolved_at",
                    "assignee",
                    "timeline",
                )
            },
        ),
    )

    @admin.display(description="severity")
    def severity_sign(self, issue: Issue) -> SafeString:
        return format_html(
            '<span class="severity severity-{}">{}</span>', issue.severity, issue.severity
        )

    @admin.display(description="money at risk")
    def at_risk(self, issue: Issue) -> SafeString | str:
        if issue.amount_minor is None:
            return "–"
        return money(issue.amount_minor, issue.currency)

    @admin.display(description="first seen")
    def since(self, issue: Issue) -> SafeString | str:
        return moment(issue.first_seen)

    @admin.display(description="last seen")
    def latest(self, issue: Issue) -> SafeString | str:
        return moment(issue.last_seen)

    @admin.display(description="check")
    def check_title(self, issue: Issue) -> str:
        return issue.check_name.replace("_", " ")

    @admin.display(description="re-opened")
    def came_back(self, issue: Issue) -> str:
        if not issue.reopened:
            return "–"
        return "once" if issue.reopened == 1 else f"{issue.reopened} times"

    @admin.display(description="about")
    def subject(self, issue: Issue) -> SafeString | str:
        """What it is about, by the name that people know."""
        model = find(issue.subject_type)
        if model is None or issue.subject_id == WHOLE:
            return link(issue.subject_type, issue.subject_id)
        try:
            row = model._base_manager.filter(pk=issue.subject_id).first()
        except ValueError:  # a key that no row can have
            row = None
        name = f"{model._meta.verbose_name} {row}" if row else ""
        return link(issue.subject_type, issue.subject_id, name)

    @admin.display(description="evidence")
    def evidence_shown(self, issue: Issue) -> SafeString | str:
        return evidence_table(issue.evidence)

    @admin.display(description="meaning")
    def meaning(self, issue: Issue) -> str:
        check = registry.get(issue.check_name)
        return check.meaning if check else "This check no longer exists."

    @admin.display(description="what to do")
    def remedy(self, issue: Issue) -> str:
        check = registry.get(issue.check_name)
        return check.remedy if check else "Nothing: it resolves with the next run of all checks."

    @admin.display(description="timeline")
    def timeline(self, issue: Issue) -> SafeString | str:
        """What happened to it, the newest first."""
        steps = IssueTransition.objects.filter(issue=issue).select_related("run", "actor")
        lines = [
            (moment(step.at), what(step), who(step), step.reason)
            for step in steps.order_by("-id")[:50]
        ]
        return table(("When", "What", "Who", "Why"), lines) if lines else "–"

    def has_triage_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitoring.change_issue")

    @admin.action(description="Assign to me", permissions=["triage"])
    def take(self, request: HttpRequest, queryset: QuerySet[Issue]) -> HttpResponse | None:
        """Make the chosen issues those of whoever asks."""
        return self.assign(request, queryset, cast("User", request.user), "yours now")

    @admin.action(description="Assign to nobody", permissions=["triage"])
    def give_back(self, request: HttpRequest, queryset: QuerySet[Issue]) -> HttpResponse | None:
        """Take the chosen issues from whoever has them."""
        return self.assign(request, queryset, None, "nobody’s now")

    def assign(
        self, request: HttpRequest, queryset: QuerySet[Issue], to: User | None, done: str
    ) -> HttpResponse | None:
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[:1000])
        changed = len(assign(chosen, to))
        self.message_user(
            request,
            f"{changed} {'issue is' if changed == 1 else 'issues are'} {done}.",
            messages.SUCCESS,
        )
        return self.back_to_page(request, chosen)

    def back_to_page(self, request: HttpRequest, chosen: list[int]) -> HttpResponse | None:
        """To the issue's page, if its button was pressed; None stands for the list."""
        if "from_page" in request.POST and len(chosen) == 1:
            return redirect("admin:monitoring_issue_change", chosen[0])
        return None

    def offers(self, action: str, obj: Issue) -> bool:
        return action != "give_back" or obj.assignee_id is not None

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitoring.add_checkrun")

    @admin.action(description="Run this check now", permissions=["run"])
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


def what(step: IssueTransition) -> str:
    """A step in words."""
    if not step.from_status:
        return "opened"
    return "re-opened" if step.to_status == Issue.Status.OPEN else "resolved"


def who(step: IssueTransition) -> str:
    if step.actor:
        return step.actor.get_username()
    return step.run.actor_name if step.run else "–"


def said(result: dict[str, Any]) -> str:
    """What became of one check, in a sentence."""
    if result["error"]:
        return f"Check {result['check']} could not run: {result['error'].splitlines()[0]}"
    return (
        "Check {check}: {found} found, {opened} new, {reopened} re-opened, {resolved} resolved."
    ).format(**result)
