"""The registry of remedies: acts on an issue, which its check names (``@check(remedies=…)``).

A remedy calls a service that was there before it: what the service does, it audits. That a remedy
was used is noted at the issue, and its check runs again, so that the page says what came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django import forms

from monitoring import registry
from monitoring.models import Issue
from monitoring.services.remedies import note_use
from orders.admin.acting import Act

_remedies: dict[str, Act] = {}


def remedy(act: Act) -> Act:
    """Register an act on issues as a remedy, and return it as it is offered: to unresolved issues
    of the checks that name it, as far as it is possible for their subject.

    Raises:
        ValueError: there is one of that name.
    """
    if act.name in _remedies:
        raise ValueError(f"there is a remedy {act.name!r} already")

    def possible(issue: Issue) -> bool:
        check = registry.get(issue.check_name)
        named = check is not None and act.name in check.remedies
        return named and issue.status != Issue.Status.RESOLVED and act.possible(issue)

    def perform(issue: Issue, form: forms.Form) -> str:
        done = act.perform(issue, form)
        again = note_use(issue, act.title, reason=form.cleaned_data["reason"], outcome=done)
        return f"{done} {again}".strip()

    _remedies[act.name] = replace(act, possible=possible, perform=perform)
    return _remedies[act.name]


def all_remedies() -> list[Act]:
    """Every registered remedy."""
    return list(_remedies.values())


def about(find: Callable[[Issue], Any], act: Act, **changes: Any) -> Act:
    """An act on another model's rows as one on the issues about them. ``find`` gives an issue's
    row, or None; ``changes`` are other values of the act's, already about issues."""
    refused, moves = act.refused, act.moves
    return replace(
        act,
        **{
            "explanation": lambda issue: act.explanation(find(issue)),
            "possible": lambda issue: (row := find(issue)) is not None and act.possible(row),
            "form": lambda issue, data: act.form(find(issue), data),
            "perform": lambda issue, form: act.perform(find(issue), form),
            "refused": (
                (lambda issue, form, error: refused(find(issue), form, error)) if refused else None
            ),
            "moves": (
                (lambda issues, form: moves([find(issue) for issue in issues], form))
                if moves
                else None
            ),
            "bulk": None,
            **changes,
        },
    )
