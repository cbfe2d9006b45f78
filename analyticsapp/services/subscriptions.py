"""The history of recurring revenue: derived anew for each customer whose subscriptions changed.

All of a customer's spans and movements come from all observations of all its subscriptions, so
that their order plays no part. Whoever changes a subscription appends the customer to a log, as
with days.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from fractions import Fraction
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from analyticsapp.days import day_of
from analyticsapp.models import DirtySubscriber, MrrMovement, SubscriptionSpan
from analyticsapp.subscriptions.billed import Billed, billed_by
from analyticsapp.subscriptions.conventions import Conventions, conventions
from analyticsapp.subscriptions.lines import Coupon
from analyticsapp.subscriptions.movements import movements
from analyticsapp.subscriptions.spans import Span, spans
from payments import models as stripe
from payments.changes import Changes
from payments.histories import histories

Progress = Callable[[int, int], None]
# A day, a currency, what of it counts otherwise from then on, and by how much.
Step = tuple[date, str, str, int]
CUSTOMERS_A_BATCH = 500


def subscriptions_changed(changes: Changes) -> None:
    """Mark the customers whose recurring revenue a batch of Stripe's observations touches.

    At most three statements, whatever the batch's size.
    """
    before = {
        change.before.customer_id
        for change in changes.of(stripe.Subscription).values()
        if change.before
    }
    billed = {
        change.after.customer_id
        for change in changes.of(stripe.Invoice).values()
        if change.after.subscription_id
    }
    seen = changes.observed.get(stripe.Subscription, set())
    coupons = changes.of(stripe.Coupon)
    now = customers_of(sorted(seen), sorted(coupons)) if seen or coupons else set()
    mark(one for one in before | billed | now if one)


def mark(customers: Iterable[str]) -> None:
    """Have the customers' recurring revenue derived anew at the next refresh."""
    now = timezone.now()
    DirtySubscriber.objects.bulk_create(
        [DirtySubscriber(customer_id=one, created_at=now) for one in sorted(set(customers))]
    )


def customers_of(subscriptions: Sequence[str], coupons: Sequence[str]) -> set[str]:
    """The customers of these subscriptions, and of those that have one of the coupons."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT customer_id FROM payments_subscription WHERE id = ANY (%(subscriptions)s)
            UNION
            SELECT customer_id FROM payments_subscription
            WHERE %(coupons)s::text[] <> '{}' AND EXISTS (
                SELECT FROM jsonb_array_elements(discounts) AS discount
                WHERE discount ->> 'coupon' = ANY (%(coupons)s)
            )
            """,
            {"subscriptions": list(subscriptions), "coupons": list(coupons)},
        )
        return {one for (one,) in cursor.fetchall()}


def drain_log() -> list[str]:
    """Empty the log of what is committed by now, and return its customers in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH drained AS (DELETE FROM {DirtySubscriber._meta.db_table} RETURNING customer_id) "
            "SELECT DISTINCT customer_id FROM drained ORDER BY customer_id"
        )
        return [one for (one,) in cursor.fetchall()]


def all_subscribers() -> list[str]:
    """Every customer that has, or had, something to derive."""
    now = stripe.Subscription.objects.exclude(customer_id=None).values_list("customer_id")
    return sorted(one for (one,) in now.union(SubscriptionSpan.objects.values_list("customer_id")))


def derive(customers: Sequence[str], progress: Progress | None = None) -> date | None:
    """Bring these customers' spans and movements up to date, in batches; return the first day on
    which anything differs from what was derived before, None if nothing does.

    ``progress`` is called with how many customers are done, of how many.
    """
    first: date | None = None
    for done in range(0, len(customers), CUSTOMERS_A_BATCH):
        chunk = customers[done : done + CUSTOMERS_A_BATCH]
        with transaction.atomic():
            differs = derive_batch(chunk, conventions())
        first = min(first or date.max, differs or date.max)
        if progress:
            progress(done + len(chunk), len(customers))
    return None if first == date.max else first


def derive_batch(customers: Sequence[str], rules: Conventions) -> date | None:
    """Derive and write; a number of statements that doesn't depend on how many there are.

    Returns the first day that differs, if any does.
    """
    subscriptions = {
        one.pk: one for one in stripe.Subscription.objects.filter(customer_id__in=customers)
    }
    states = histories("subscription", subscriptions)
    billed = invoiced(subscriptions)
    coupons = coupons_of(subscriptions.values())
    fresh_spans: dict[str, list[SubscriptionSpan]] = defaultdict(list)
    steps: dict[tuple[str, str], list[tuple[Any, int]]] = defaultdict(list)
    for key in sorted(subscriptions):
        subscription = subscriptions[key]
        customer = subscription.customer_id
        assert customer is not None  # it was found by it
        found = spans(states.get(key, []), billed.get(key, []), coupons.get, rules)
        fresh_spans[customer] += [row(subscription, customer, span) for span in found]
        if subscription.currency:
            steps[customer, subscription.currency] += changes_of(found)
    fresh_movements: dict[str, list[MrrMovement]] = defaultdict(list)
    for (customer, currency), changed in sorted(steps.items()):
        fresh_movements[customer] += [
            MrrMovement(customer_id=customer, currency=currency, **asdict(one))
            for one in movements(changed)
        ]
    days = (
        write(
            SubscriptionSpan, customers, fresh_spans, ("subscription_id", "starts_at"), span_steps
        ),
        write(MrrMovement, customers, fresh_movements, ("currency", "day"), movement_steps),
    )
    return min((day for day in days if day), default=None)


def row(subscription: stripe.Subscription, customer: str, span: Span) -> SubscriptionSpan:
    return SubscriptionSpan(
        subscription_id=subscription.pk,
        customer_id=customer,
        currency=subscription.currency,
        status=span.status,
        mrr_minor=span.mrr_minor,
        lines=[asdict(line) for line in span.lines],
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        origin=span.origin,
    )


def changes_of(found: Sequence[Span]) -> list[tuple[Any, int]]:
    """The days on which a subscription's MRR changed, and by how much."""
    before = 0
    changed = []
    for span in found:
        if span.mrr_minor != before:
            changed.append((day_of(span.starts_at), span.mrr_minor - before))
            before = span.mrr_minor
    return changed


def span_steps(span: Mapping[str, Any]) -> list[Step]:
    """The days on which a span counts otherwise than the day before, and as what."""
    what = f"{span['status']} {span['origin']}"
    steps: list[Step] = [(day_of(span["starts_at"]), span["currency"], what, 1)]
    if span["ends_at"] is not None:
        steps.append((day_of(span["ends_at"]), span["currency"], what, -1))
    return steps


def movement_steps(movement: Mapping[str, Any]) -> list[Step]:
    """The movement's day, and what it is."""
    names = ("day", "currency", "kind", "amount_minor")
    day, currency, kind, amount = (movement[name] for name in names)
    return [(day, currency, kind, amount)]


def write(
    model: type[SubscriptionSpan] | type[MrrMovement],
    customers: Sequence[str],
    fresh: Mapping[str, list[Any]],
    key: tuple[str, str],
    steps: Callable[[Mapping[str, Any]], list[Step]],
) -> date | None:
    """Put the fresh rows in the place of those that there are, of customers where they differ.

    Returns the first day whose ``steps`` differ; None if none do.
    """
    names = [column.attname for column in model._meta.concrete_fields if not column.primary_key]
    there: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for values in model._default_manager.filter(customer_id__in=customers).values_list(*names):
        there[values[names.index("customer_id")]].append(values)
    wanted = {
        customer: [tuple(getattr(one, name) for name in names) for one in rows]
        for customer, rows in fresh.items()
    }

    def ordered(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return sorted(rows, key=lambda values: [values[names.index(name)] for name in key])

    differing = [
        customer
        for customer in customers
        if ordered(there[customer]) != ordered(wanted.get(customer, []))
    ]
    model._default_manager.filter(customer_id__in=differing).delete()
    model._default_manager.bulk_create(
        [one for customer in differing for one in fresh.get(customer, [])]
    )
    differences: Counter[Step] = Counter()
    for sign, rows in ((1, wanted), (-1, there)):
        for customer in differing:
            for values in rows.get(customer, []):
                for step in steps(dict(zip(names, values, strict=True))):
                    differences[step] += sign
    return min((step[0] for step, count in differences.items() if count), default=None)


def coupons_of(subscriptions: Iterable[stripe.Subscription]) -> dict[str, Coupon]:
    """The terms of the coupons that the subscriptions name."""
    named = {d["coupon"] for one in subscriptions for d in one.discounts if d["coupon"]}
    return {
        coupon.pk: Coupon(
            percent_off=None if coupon.percent_off is None else Fraction(coupon.percent_off),
            amount_off=coupon.amount_off,
            currency=coupon.currency,
            forever=coupon.duration == "forever",
        )
        for coupon in stripe.Coupon.objects.filter(pk__in=named)
    }


def invoiced(subscriptions: Collection[str]) -> dict[str, list[Billed]]:
    """What the invoices of each subscription billed."""
    invoices = list(
        stripe.Invoice.objects.filter(
            subscription_id__in=subscriptions, status__in=["paid", "open", "uncollectible"]
        ).order_by("created", "pk")
    )
    prices = stripe.Price.objects.in_bulk(
        {line["price"] for one in invoices for line in one.lines if line["price"]}
    )
    billed: dict[str, list[Billed]] = defaultdict(list)
    for invoice in invoices:
        for line in invoice.lines:
            if line["subscription"] in (None, "", invoice.subscription_id):
                found = billed_by(line, prices)
                if found and invoice.subscription_id:
                    billed[invoice.subscription_id].append(found)
    return billed
