"""A shop that has a bit of everything, for tests that look at every page of the dashboard."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from analyticsapp.days import DAY, day_of
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
    """Recurring revenue of some customers, of whom every second one took more."""
    for n in range(12):
        began = now - (60 - 4 * n) * DAY
        build(
            SubscriptionSpan,
            subscription_id=f"sub_{n}",
            customer_id=f"cus_{n}",
            currency="eur",
            status="active",
            mrr_minor=1_000 + n,
            lines=[],
            starts_at=began,
            ends_at=None,
            origin="events",
        )
        mrr = 0
        for later, kind, amount in ((0, "new", 1_000 + n), (5, "expansion", 500))[: 1 + n % 2]:
            mrr += amount
            build(
                MrrMovement,
                customer_id=f"cus_{n}",
                currency="eur",
                day=day_of(began + later * DAY),
                kind=kind,
                amount_minor=amount,
                mrr_minor=mrr,
            )
