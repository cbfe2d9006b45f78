"""The figures of subscriptions, counted a second way on made up histories."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from analyticsapp.days import DAY, Window, bounds, day_of
from analyticsapp.drilldown.rows import page, total
from analyticsapp.drilldown.subscriptions import SUBSCRIPTIONS as DRILLDOWNS
from analyticsapp.kpis import KPIS, SUBSCRIPTIONS
from analyticsapp.models import MrrMovement, SubscriptionSpan
from analyticsapp.selectors.subscriptions import (
    latest_movements,
    months_of,
    recurring,
    recurring_currencies,
)
from analyticsapp.services import snapshots
from analyticsapp.subscriptions.movements import movements

pytestmark = pytest.mark.django_db

FIRST = date(2025, 1, 1)
LAST = date(2026, 3, 10)
NOW = bounds(LAST)[0] + timedelta(hours=5)
# By customer and currency: the subscriptions, each a status and its MRR from a day on.
Histories = dict[tuple[str, str], list[list[tuple[date, str, int]]]]
STATUSES = ["active"] * 5 + ["past_due", "trialing", "unpaid", "paused", "canceled"]


def made_up(seed: int, customers: int = 25) -> Histories:
    chance = random.Random(seed)
    found: Histories = {}
    for n in range(customers):
        for currency in ("eur", "usd")[: chance.choice([1, 1, 2])]:
            found[f"cus_{n:02}", currency] = [
                history(chance) for _ in range(chance.choice([1, 1, 2, 3]))
            ]
    return found


def history(chance: random.Random) -> list[tuple[date, str, int]]:
    days = sorted(chance.sample(range((LAST - FIRST).days + 1), chance.choice([1, 2, 4, 6])))
    steps: list[tuple[date, str, int]] = []
    for day in days:
        status = chance.choice(STATUSES)
        if steps and steps[-1][1] == status == "canceled":
            continue
        mrr = chance.choice([500, 1_000, 2_500]) if status in {"active", "past_due"} else 0
        steps.append((FIRST + day * DAY, status, mrr))
    return steps


def kept(histories: Histories) -> None:
    """Have them in the tables, as they are derived from Stripe."""
    spans, moved = [], []
    for (customer, currency), subscriptions in histories.items():
        changes: list[tuple[date, int]] = []
        for n, steps in enumerate(subscriptions):
            before = 0
            for (day, status, mrr), after in zip(steps, [*steps[1:], None], strict=True):
                spans.append(
                    SubscriptionSpan(
                        subscription_id=f"sub_{customer}_{currency}_{n}",
                        customer_id=customer,
                        currency=currency,
                        status=status,
                        mrr_minor=mrr,
                        lines=[],
                        starts_at=bounds(day)[0] + timedelta(hours=3),
                        ends_at=bounds(after[0])[0] + timedelta(hours=3) if after else None,
                        origin="events",
                    )
                )
                changes.append((day, mrr - before))
                before = mrr
        moved += [
            MrrMovement(
                customer_id=customer,
                currency=currency,
                day=one.day,
                kind=one.kind,
                amount_minor=one.amount_minor,
                mrr_minor=one.mrr_minor,
            )
            for one in movements(changes)
        ]
    SubscriptionSpan.objects.bulk_create(spans)
    MrrMovement.objects.bulk_create(moved)
    snapshots.build(Window(FIRST, LAST).days(), now=NOW)


class Counted:
    """The same figures from the histories alone, day by day."""

    def __init__(self, histories: Histories, currency: str) -> None:
        self.of = {who: subs for (who, in_), subs in histories.items() if in_ == currency}

    def mrr(self, customer: str, day: date) -> int:
        return sum(
            next((mrr for at, _, mrr in reversed(steps) if at <= day), 0)
            for steps in self.of[customer]
        )

    def status(self, name: str, day: date) -> int:
        return sum(
            next((status for at, status, _ in reversed(steps) if at <= day), "") == name
            for subs in self.of.values()
            for steps in subs
        )

    def figures(self, window: Window) -> dict[str, Any]:
        opening_day = window.first - DAY
        opening = {who: self.mrr(who, opening_day) for who in self.of}
        closing = {who: self.mrr(who, window.last) for who in self.of}
        moved = dict.fromkeys(("new", "expansion", "contraction", "churn", "reactivation"), 0)
        lost = regained = 0
        for who in self.of:
            ever = any(
                self.mrr(who, FIRST + n * DAY) > 0 for n in range((window.first - FIRST).days)
            )
            before = opening[who]
            for day in window.days():
                now = self.mrr(who, day)
                change = now - before
                if change > 0:
                    name = "expansion" if before else "reactivation" if ever else "new"
                    moved[name] += change
                    regained += change if opening[who] else 0
                elif change < 0:
                    moved["contraction" if now else "churn"] -= change
                    lost -= change if opening[who] else 0
                ever, before = ever or now > 0, now
        mrr, base = sum(closing.values()), sum(opening.values())
        subscribers = sum(value > 0 for value in closing.values())
        at_opening = sum(value > 0 for value in opening.values())
        gone = sum(opening[who] > 0 and closing[who] == 0 for who in self.of)
        went = moved["churn"] + moved["contraction"]
        came = moved["new"] + moved["expansion"] + moved["reactivation"]
        arpa = Fraction(mrr, subscribers) if subscribers else None
        churn = Fraction(gone, at_opening) if at_opening else None
        monthly = churn / months_of(window) if churn else None
        return {
            "mrr": mrr,
            "arr": 12 * mrr,
            "subscribers": subscribers,
            "arpa": None if arpa is None else round(arpa),
            "active_subscriptions": self.status("active", window.last),
            "trialing_subscriptions": self.status("trialing", window.last),
            "past_due_subscriptions": self.status("past_due", window.last),
            "unpaid_subscriptions": self.status("unpaid", window.last),
            "paused_subscriptions": self.status("paused", window.last),
            "net_new_mrr": mrr - base,
            "canceled_subscriptions": sum(
                status == "canceled" and at in window
                for subs in self.of.values()
                for steps in subs
                for at, status, _ in steps
            ),
            **{f"mrr_{name}": value for name, value in moved.items()},
            "gross_mrr_churn": Fraction(lost, base) if base else None,
            "net_mrr_churn": Fraction(lost - regained, base) if base else None,
            "customer_churn": churn,
            "quick_ratio": Fraction(came, went) if went else None,
            "ltv": arpa / monthly if arpa is not None and monthly else None,
        }


WINDOWS = [
    Window(date(2025, 1, 1), date(2025, 1, 31)),
    Window(date(2025, 10, 1), date(2025, 12, 31)),
    Window(date(2026, 2, 9), LAST),
    Window(date(2025, 3, 30), date(2025, 3, 30)),
    Window(date(2024, 6, 1), date(2024, 6, 30)),
]


@pytest.mark.parametrize(("seed", "zone"), [(1, "UTC"), (2, "Europe/Berlin"), (3, "Pacific/Apia")])
def test_every_figure_is_what_another_way_of_counting_gives(
    settings: Any, seed: int, zone: str
) -> None:
    settings.REPORTING_TIME_ZONE = zone
    histories = made_up(seed)
    kept(histories)
    for currency in ("eur", "usd"):
        again = Counted(histories, currency)
        for window, found in zip(WINDOWS, recurring(WINDOWS, currency), strict=True):
            figures = {kpi.key: kpi.compute(found) for kpi in SUBSCRIPTIONS}
            assert figures == again.figures(window), (currency, window)
            came = found.new_minor + found.expansion_minor + found.reactivation_minor
            went = found.contraction_minor + found.churn_minor
            assert found.opening_minor + came - went == found.mrr_minor


@pytest.mark.parametrize("zone", ["UTC", "America/Havana"])
def test_the_rows_of_any_days_add_up_to_the_figure(settings: Any, zone: str) -> None:
    settings.REPORTING_TIME_ZONE = zone
    kept(made_up(7))
    assert {one.kpi.key for one in DRILLDOWNS} == {kpi.key for kpi in SUBSCRIPTIONS}
    for window in WINDOWS:
        for drilldown in DRILLDOWNS:
            sums = [total(part, window, "eur") for part in drilldown.parts]
            assert drilldown.value(sums, window) == drilldown.figure(window, "eur"), (
                drilldown.kpi.key
            )
            for part, summed in zip(drilldown.parts, sums, strict=True):
                rows = page(part, window, "eur", limit=1_000).rows
                assert len(rows) == summed.rows == len({(row.at, row.key) for row in rows})
                assert sum(row.amount for row in rows) == summed.amount


def test_who_joins_and_leaves_within_the_period_is_in_no_churn_rate() -> None:
    stays = [(date(2025, 1, 5), "active", 1_000)]
    passes = [(date(2025, 3, 5), "active", 500), (date(2025, 3, 20), "canceled", 0)]
    kept({("cus_a", "eur"): [stays], ("cus_b", "eur"): [passes]})
    [march] = recurring([Window(date(2025, 3, 1), date(2025, 3, 31))], "eur")
    assert (march.new_minor, march.churn_minor, march.churn_customers) == (500, 500, 1)
    for key in ("gross_mrr_churn", "net_mrr_churn", "customer_churn"):
        assert KPIS[key].compute(march) == 0


def test_the_latest_movements_name_the_subscription_that_changed() -> None:
    kept(made_up(5))
    window = Window(date(2025, 6, 1), LAST)
    found = latest_movements(window, "eur")
    assert 0 < len(found) <= 50
    assert [one.movement.day for one in found] == sorted(
        (one.movement.day for one in found), reverse=True
    )
    for one in found:
        spans = SubscriptionSpan.objects.filter(subscription_id=one.subscription_id)
        assert any(day_of(span.starts_at) == one.movement.day for span in spans)
        assert spans[0].customer_id == one.movement.customer_id
    assert recurring_currencies() == ["eur", "usd"]


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2025, 2, 1), date(2025, 2, 28), Fraction(1)),
        (date(2025, 10, 1), date(2025, 12, 31), Fraction(3)),
        (date(2025, 1, 2), date(2025, 1, 31), Fraction(360, 365)),
    ],
)
def test_how_many_months_days_are(first: date, last: date, months: Fraction) -> None:
    assert months_of(Window(first, last)) == months
