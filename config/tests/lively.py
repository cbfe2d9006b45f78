"""A shop that has a bit of everything, for tests that look at every page of the dashboard."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import zip_longest

from django.utils import timezone

from analyticsapp.days import DAY, Window, day_of
from analyticsapp.models import MrrMovement, SubscriptionSpan
from analyticsapp.services import snapshots
from config.tests.rows import build
from monitoring.models import CheckRun, Issue, Severity
from monitoring.tests.ledgers import charge, moved, order, refund
from monitoring.tests.rows import dispute
from orders.models import OrderLine, Product

HOUR = timedelta(hours=1)


def lively_shop() -> None:
    """Three months of orders in two currencies, counted by day, with refunds, fees, disputes,
    subscriptions, and issues of each severity."""
    now = timezone.now()
    mug = build(Product, sku="MUG", name="Mug with a rather long name, for a wide column", stock=3)
    tea = build(Product, sku="TEA", name="Tea", stock=None)
    for n in range(40):
        paid_at, amount = now - n * 54 * HOUR, 1_900 + n * 437 % 9_000
        currency = "usd" if n % 5 == 4 else "eur"
        charge(f"{n}", amount, paid_at, currency=currency)
        moved(f"{n}", amount, paid_at, fee=30 + amount * 29 // 1_000)
        one = order(f"A-{n}", amount, paid_at, f"{n}", currency=currency)
        for position, product in enumerate((mug, tea, None)[: 1 + n % 3], 1):
            build(
                OrderLine,
                order=one,
                position=position,
                product=product,
                quantity=position,
                total_minor=amount // (1 + n % 3),
                taken=0,
            )
        if n % 7 == 0:
            back = paid_at + HOUR
            refund(f"r{n}", f"{n}", amount // 2, back)
            moved(f"r{n}", -(amount // 2), back, "refund", source=f"re_r{n}")
    for hours in (-5, 20, 100):
        dispute(id=f"dp_{hours}", charge_id="ch_3", due_by=now + hours * HOUR)
    build(CheckRun, started_at=now, finished_at=now, only=[], crashed=0)
    for severity in Severity:
        build(
            Issue,
            check_name="snapshot_mismatch",
            subject_type="analyticsapp.daysnapshot",
            subject_id=severity,
            severity=severity,
            status="open",
            resolved_at=None,
            summary="The day snapshot of 2026-03-01 eur isn’t what its rows come to, by 1.00 EUR",
            amount_minor=100,
            currency="eur",
        )
    snapshots.build_all(now=now)
    subscribe(now)


def subscribe(now: datetime) -> None:
    """Recurring revenue of some customers: every second one took more, every fourth one left, and
    another is on trial."""
    for n in range(12):
        began = now - (200 - 16 * n) * DAY
        steps = [(0, "active", "new", 1_000 + n)]
        if n % 2:
            steps.append((5, "active", "expansion", 500))
        if n % 4 == 2:
            steps.append((12, "canceled", "churn", -1_000 - n))
        mrr = 0
        for (later, status, kind, amount), after in zip_longest(steps, steps[1:]):
            mrr += amount
            build(
                SubscriptionSpan,
                subscription_id=f"sub_{n}",
                customer_id=f"cus_{n}",
                currency="eur",
                status=status,
                mrr_minor=mrr,
                lines=[],
                starts_at=began + later * DAY,
                ends_at=began + after[0] * DAY if after else None,
                origin="events",
            )
            build(
                MrrMovement,
                customer_id=f"cus_{n}",
                currency="eur",
                day=day_of(began + later * DAY),
                kind=kind,
                amount_minor=amount,
                mrr_minor=mrr,
            )
    build(
        SubscriptionSpan,
        subscription_id="sub_trial",
        customer_id="cus_trial",
        currency="eur",
        status="trialing",
        mrr_minor=0,
        lines=[],
        starts_at=now - DAY,
        ends_at=None,
        origin="events",
    )
    snapshots.build(Window.ending(day_of(now), 210).days(), now=now)
