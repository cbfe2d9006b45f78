"""What a person decides about issues, one or many: the forms, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from analyticsapp.days import bounds, day_of
from monitoring.models import Issue
from monitoring.services import triage
from monitoring.services.triage import (
    ACCEPT,
    ACKNOWLEDGE,
    LONGEST_MUTE,
    MUTE,
    REOPEN,
    RESOLVE,
    Decision,
    TriageError,
)
from orders.admin.acting import Act, ReasonForm
from orders.admin.bulk import DONE, SKIPPED, Bulk, Outcome, counted

MAY = "monitoring.change_issue"
A_WEEK = timedelta(days=7)


class OptionalReasonForm(ReasonForm):
    """Whoever acts may say why."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["reason"].required = False
        self.fields["reason"].help_text = "If there is something to say. Kept in the audit log."


class MuteForm(ReasonForm):
    """Until which day nobody need look, and why. The mute ends as that day begins."""

    day = forms.DateField(
        label="Until",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="It is open again at the first run on that day that still finds it, and before "
        "that if it becomes more severe.",
    )
    field_order = ("day", "reason")

    def __init__(self, data: Any = None) -> None:
        today = day_of(timezone.now())
        super().__init__(data, initial={"day": today + A_WEEK})
        first, last = today + timedelta(days=1), today + LONGEST_MUTE
        self.fields["day"].widget.attrs |= {"min": first.isoformat(), "max": last.isoformat()}

    def clean_day(self) -> date:
        """A day from tomorrow on, within a year."""
        day: date = self.cleaned_data["day"]
        if not timedelta(0) < day - day_of(timezone.now()) <= LONGEST_MUTE:
            raise forms.ValidationError("Choose a day from tomorrow on, within a year.")
        return day


class AssignForm(OptionalReasonForm):
    """Who is to have it."""

    to = forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, empty_label="nobody", label="Assign to"
    )
    field_order = ("to", "reason")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        choice = self.fields["to"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = who_may_triage()


def who_may_triage() -> Any:
    """The people whom an issue can be given to, by name."""
    return User.objects.with_perm(
        MAY, backend="django.contrib.auth.backends.ModelBackend"
    ).order_by("username")


def values_of(form: forms.Form) -> dict[str, Any]:
    """What a decision's form says, as the service takes it."""
    values: dict[str, Any] = {"reason": form.cleaned_data["reason"]}
    if day := form.cleaned_data.get("day"):
        values["until"] = bounds(day)[0]
    return values


def one(decision: Decision, done: str) -> Callable[[Issue, forms.Form], str]:
    def perform(issue: Issue, form: forms.Form) -> str:
        triage.decide_one(decision, issue.pk, **values_of(form))
        return f"The issue is {done}."

    return perform


def many(
    decision: Decision, done: str
) -> Callable[[Sequence[Issue], forms.Form], Sequence[Outcome]]:
    def perform(issues: Sequence[Issue], form: forms.Form) -> list[Outcome]:
        decided = triage.decide(decision, [issue.pk for issue in issues], **values_of(form))
        return [
            Outcome(issue, SKIPPED, decided.refused[issue.pk])
            if issue.pk in decided.refused
            else Outcome(issue, DONE, done)
            for issue in issues
        ]

    return perform


def deciding(
    decision: Decision,
    *,
    name: str,
    title: str,
    done: str,
    explanation: str,
    form: Callable[[Any], forms.Form] = ReasonForm,
) -> Act:
    """The act by which ``decision`` is made about one issue or many."""
    return Act(
        name=name,
        title=title,
        permission=MAY,
        button=title,
        explanation=lambda issue: explanation,
        possible=lambda issue: issue.status in decision.allowed_from,
        form=lambda issue, data: form(data),
        perform=one(decision, done),
        refusals=(TriageError,),
        bulk=Bulk(
            explanation=lambda count: f"{counted(count, 'issue')}. {explanation}",
            form=form,
            perform=many(decision, done),
        ),
    )


ACTS = (
    deciding(
        ACKNOWLEDGE,
        name="acknowledge",
        title="Acknowledge",
        done="acknowledged",
        explanation="Says that somebody is at it. It stays in the queue until it is no longer "
        "found, and is open again if it becomes more severe.",
        form=OptionalReasonForm,
    ),
    deciding(
        MUTE,
        name="mute",
        title="Mute",
        done="muted",
        explanation="Takes it out of the queue until a day, with a reason: nothing can be done "
        "before. If it is gone by then, it resolves by itself.",
        form=MuteForm,
    ),
    deciding(
        ACCEPT,
        name="accept",
        title="Accept",
        done="accepted",
        explanation="Closes it with a reason: it may stay as it is. It is open again as soon as "
        "one of its numbers changes.",
    ),
    deciding(
        RESOLVE,
        name="resolve",
        title="Resolve by hand",
        done="resolved",
        explanation="Says that it isn’t so any more. Issues resolve by themselves when their check "
        "no longer finds them; if this one is still found, the next run opens it again and says "
        "so.",
    ),
    deciding(
        REOPEN,
        name="reopen",
        title="Open again",
        done="open",
        explanation="Takes back that it was acknowledged, muted or accepted.",
    ),
)


def assign(issue: Issue, form: forms.Form) -> str:
    to = form.cleaned_data["to"]
    if not triage.assign([issue.pk], to, reason=form.cleaned_data["reason"]):
        raise TriageError(f"it is {to or 'nobody'}’s already")
    return f"The issue is {to or 'nobody'}’s now."


def assign_all(issues: Sequence[Issue], form: forms.Form) -> list[Outcome]:
    to = form.cleaned_data["to"]
    keys = [issue.pk for issue in issues]
    moved = {issue.pk for issue in triage.assign(keys, to, reason=form.cleaned_data["reason"])}
    return [
        Outcome(issue, DONE, f"{to or 'nobody'}’s now")
        if issue.pk in moved
        else Outcome(issue, SKIPPED, f"it is {to or 'nobody'}’s already")
        for issue in issues
    ]


ASSIGN = Act(
    name="assign",
    title="Assign to",
    permission=MAY,
    button="Assign",
    explanation=lambda issue: "Says whose it is. They find it at the top of their queue.",
    possible=lambda issue: True,
    form=lambda issue, data: AssignForm(data),
    perform=assign,
    refusals=(TriageError,),
    bulk=Bulk(
        explanation=lambda count: f"Says whose {counted(count, 'issue')} are.",
        form=AssignForm,
        perform=assign_all,
    ),
)


class NoteForm(forms.Form):
    """What the next one should know."""

    text = forms.CharField(
        label="Note",
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Shown in the issue’s timeline. Kept in the audit log.",
    )


def note(issue: Issue, form: forms.Form) -> str:
    triage.note(issue.pk, form.cleaned_data["text"])
    return "The note is kept."


NOTE = Act(
    name="note",
    title="Add a note",
    permission=MAY,
    button="Add the note",
    explanation=lambda issue: "For whoever looks at this issue next.",
    possible=lambda issue: True,
    form=lambda issue, data: NoteForm(data),
    perform=note,
    refusals=(TriageError,),
)
