"""From what was observed of a subscription to the times in which it was worth the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from analyticsapp.models import SubscriptionSpan
from analyticsapp.subscriptions.billed import GRACE, Billed, Fields, periods
from analyticsapp.subscriptions.conventions import Conventions
from analyticsapp.subscriptions.lines import Coupon, Line, monthly_lines
from payments.histories import State

Origin = SubscriptionSpan.Origin
# What a subscription was before it was first seen, where nothing tells: it must have been this to
# become what it then was.
BEFORE = {
    "past_due": "active",
    "unpaid": "active",
    "canceled": "active",
    "incomplete_expired": "incomplete",
}
# While it is one of these, its invoices aren't of a time in which it counted.
NOT_BEGUN = {"trialing", "incomplete", "incomplete_expired"}
ENDED = {"canceled", "incomplete_expired"}


@dataclass(frozen=True)
class Span:
    """A time, as SubscriptionSpan keeps it; ``ends_at`` None: still so."""

    starts_at: datetime
    ends_at: datetime | None
    status: str
    lines: tuple[Line, ...]
    origin: str

    @property
    def mrr_minor(self) -> int:
        return sum(line.mrr_minor for line in self.lines)

    def same(self, other: Span) -> bool:
        """Whether it says the same of another time."""
        return (self.status, self.lines, self.origin) == (other.status, other.lines, other.origin)


def spans(
    states: Sequence[State],
    billed: Sequence[Billed],
    coupon_of: Callable[[str], Coupon | None],
    rules: Conventions,
) -> list[Span]:
    """The spans of one subscription in order.

    ``billed``, what its invoices billed, serves for the time before the first observation, where
    that came late.
    """
    if not states:
        return []

    def worth(fields: Fields, items: Sequence[Fields] | None = None) -> tuple[Line, ...]:
        if fields["status"] not in rules.statuses or (fields["paused"] and not rules.paused):
            return ()
        named = [one["coupon"] for one in fields["discounts"] if one["coupon"]]
        coupons = [coupon for coupon in map(coupon_of, named) if coupon]
        return tuple(monthly_lines(fields["items"] if items is None else items, coupons, rules))

    first = states[0]
    found = [] if first.is_first else prehistory(first, billed, worth)
    for state in states:
        at = since(state)
        if found and at < found[-1].starts_at:
            at = found[-1].starts_at  # one that ended before the last change of it
        found.append(Span(at, None, state.fields["status"], worth(state.fields), Origin.EVENTS))
    return joined(found)


def since(state: State) -> datetime:
    """When the state began: an end at its own time, anything else when it was observed."""
    ended: datetime | None = state.fields["ended_at"]
    if state.fields["status"] in ENDED and ended is not None:
        return min(ended, state.as_of)
    return state.as_of


def prehistory(
    first: State, billed: Sequence[Billed], worth: Callable[..., tuple[Line, ...]]
) -> list[Span]:
    """What it was before it was first seen: what its invoices say, else as it must have been."""
    until = since(first)
    known = first.earlier or first.fields
    status = known["status"] if first.earlier else BEFORE.get(known["status"], known["status"])
    was = {**known, "status": status}
    start = first.fields["start_date"] or first.fields["created"] or until
    if start >= until:
        return []
    found: list[Span] = []
    trial_end = first.fields["trial_end"]
    if trial_end and trial_end > start and status != "trialing":
        trial = {**was, "status": "trialing"}
        found.append(Span(start, None, "trialing", worth(trial), Origin.ASSUMED))
        start = min(trial_end, until)
    told = [
        one
        for one in (() if status in NOT_BEGUN else periods(billed))
        if one.starts_at < until and one.ends_at > start
    ]
    if not told and start < until:
        found.append(Span(start, None, status, worth(was), Origin.ASSUMED))
    paid, unpaid = {**was, "status": "active"}, {**was, "status": "unpaid"}
    if told and told[0].starts_at > start + GRACE:  # what was billed before that isn't known
        found.append(Span(start, None, "active", worth(paid, told[0].items), Origin.ASSUMED))
    for one, after in zip_longest(told, told[1:]):
        starts = max(one.starts_at, start)
        found.append(Span(starts, None, "active", worth(paid, one.items), Origin.INVOICES))
        next_start = after.starts_at if after else until
        if next_start > one.ends_at + GRACE:  # nothing was billed for the time between
            still = worth(unpaid, one.items)
            found.append(Span(one.ends_at, None, "unpaid", still, Origin.INVOICES))
    return found


def joined(found: Sequence[Span]) -> list[Span]:
    """Each span to the start of the next; those that take no time, or change nothing, dropped."""
    result: list[Span] = []
    for span, after in zip_longest(found, found[1:]):
        if after is not None and after.starts_at <= span.starts_at:
            continue
        if result and result[-1].same(span):
            continue
        if result:
            result[-1] = replace(result[-1], ends_at=span.starts_at)
        result.append(span)
    return result
