"""A person's objects of Stripe's, and what was said of them, without what is personal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower, Trim

from payments.changes import announce
from payments.entries import embedded, entry_of
from payments.forgetting import inside, load_rows, reduce_rows
from payments.inbox import insert
from payments.mirror.projection import SPECS, project
from payments.models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    ErasedKey,
    Invoice,
    InvoicePayment,
    MirrorObject,
    PaymentIntent,
    Refund,
    RefundRequest,
    Source,
    StripeEvent,
    Subscription,
)
from payments.pseudonyms import keyed
from payments.refund_requests import link_refunds, lock_charges

BATCH = 500
Objects = dict[str, frozenset[Any]]
OF_A_CUSTOMER = (Charge, CheckoutSession, Invoice, PaymentIntent, Subscription)


def with_address(model: type[Any], column: str, addresses: Collection[str]) -> QuerySet[Any]:
    """The rows that have one of the addresses, whatever their case."""
    rows: QuerySet[Any] = model._default_manager.alias(address=Lower(Trim(column)))
    return rows.filter(address__in=addresses)


def customers_with(addresses: Collection[str]) -> frozenset[str]:
    """The ids of Stripe's customers that have one of the addresses."""
    return keys(with_address(Customer, "email", addresses))


def customer_of(key: str) -> frozenset[str]:
    """The id, if there is such a customer of Stripe's, or anything that names it: Stripe may have
    told of what somebody bought and not yet of them."""
    named = (model._default_manager.filter(customer=key) for model in OF_A_CUSTOMER)
    there = Customer.objects.filter(pk=key).exists() or any(rows.exists() for rows in named)
    return frozenset({key} if there else ())


def keys(rows: QuerySet[Any], column: str = "pk") -> frozenset[Any]:
    return frozenset(rows.order_by().values_list(column, flat=True)) - {None}


def objects_of(
    customers: Collection[str], addresses: Collection[str], payments: Collection[str]
) -> Objects:
    """The keys of all objects of a person, by the label of their model: those of the customers,
    those of no other customer that have an address, and what belongs to the payments (intents, or
    charges without one)."""
    theirs = Q(customer__in=customers)
    or_nobodys = Q(customer__isnull=True) | theirs

    def addressed(model: type[Any], column: str) -> frozenset[Any]:
        return keys(with_address(model, column, addresses).filter(or_nobodys))

    invoices = keys(Invoice.objects.filter(theirs))
    subscriptions = keys(Subscription.objects.filter(theirs))
    intents = keys(
        PaymentIntent.objects.filter(theirs | Q(pk__in=payments) | Q(invoice__in=invoices))
    ) | addressed(PaymentIntent, "receipt_email")
    charges = Charge.objects.filter(theirs | Q(payment__in=intents | {*payments}))
    charges_ids = keys(charges) | addressed(Charge, "email")
    sessions = keys(
        CheckoutSession.objects.filter(
            theirs
            | Q(payment_intent__in=intents)
            | Q(subscription__in=subscriptions)
            | Q(invoice__in=invoices)
            | Q(pk__in=payments)
        )
    ) | addressed(CheckoutSession, "email")
    intents |= keys(Charge.objects.filter(pk__in=charges_ids), "payment_intent_id")
    intents |= keys(CheckoutSession.objects.filter(pk__in=sessions), "payment_intent_id")
    charges_ids |= keys(Charge.objects.filter(payment__in=intents))
    refunds = keys(Refund.objects.filter(Q(charge__in=charges_ids) | Q(payment_intent__in=intents)))
    disputes = keys(Dispute.objects.filter(charge__in=charges_ids))
    found: Mapping[type[Any], frozenset[Any]] = {
        Customer: frozenset(customers),
        Invoice: invoices,
        Subscription: subscriptions,
        PaymentIntent: intents,
        Charge: charges_ids,
        CheckoutSession: sessions,
        Refund: refunds,
        Dispute: disputes,
        InvoicePayment: keys(
            InvoicePayment.objects.filter(Q(invoice__in=invoices) | Q(payment_intent__in=intents))
        ),
        BalanceTransaction: keys(
            BalanceTransaction.objects.filter(source__in=charges_ids | refunds | disputes)
        ),
        RefundRequest: keys(RefundRequest.objects.filter(charge__in=charges_ids)),
    }
    return {model._meta.label_lower: ids for model, ids in found.items()}


def events_about(objects: Objects, mentioned: Collection[str]) -> frozenset[int]:
    """The keys of the inbox's rows that are about the objects or have one of the texts (addresses
    in lower case, ids) as a whole text anywhere; those that are erased already aside.

    It looks through all payloads: some seconds a gigabyte, once an erasure.
    """
    pairs = [
        (kind, key)
        for kind, spec in SPECS.items()
        for key in objects.get(spec.model._meta.label_lower, ())
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM payments_stripeevent
            JOIN unnest(%s::text[], %s::text[]) AS theirs (object_type, object_id)
                USING (object_type, object_id)
            WHERE reduced_for <> 'erasure'
            UNION
            SELECT event.id FROM payments_stripeevent AS event,
                LATERAL (SELECT lower(event.payload::text) AS said OFFSET 0) AS whole
            WHERE reduced_for <> 'erasure' AND EXISTS (
                SELECT FROM unnest(%s::text[]) AS one (text) WHERE strpos(said, one.text) > 0
            )
            """,
            [
                [kind for kind, _ in pairs],
                [key for _, key in pairs],
                [json.dumps(text, ensure_ascii=False).lower() for text in mentioned],
            ],
        )
        return frozenset(key for (key,) in cursor.fetchall())


def names_of(objects: Objects, addresses: Collection[str]) -> frozenset[str]:
    """The keys by which the inbox knows that something is about the person."""
    mirrored = {spec.model._meta.label_lower for spec in SPECS.values()}
    names = {key for label in mirrored & objects.keys() for key in objects[label]}
    return frozenset(names | {ErasedKey.EMAIL + keyed(address) for address in addresses})


def register(names: Collection[str], now: datetime) -> None:
    """Have the inbox know a person by these keys from now on."""
    ErasedKey.objects.bulk_create(
        [ErasedKey(key=name, erased_at=now) for name in sorted(names)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["erased_at"],
    )


def erase_events(pks: Iterable[int]) -> int:
    """Erase what is personal from these rows of the inbox and bring the mirror of their objects up
    to what is left of them; return how many rows. In the caller's transaction, which
    holds the objects.

    Whole objects inside them that weren't taken out yet become observations of their own first.
    """
    touched: set[tuple[str, str]] = set()
    wanted = sorted(pks)
    done = 0
    for start in range(0, len(wanted), BATCH):
        rows = load_rows(wanted[start : start + BATCH])
        insert(
            [
                entry_of(embedded(observed, data), source=Source.EMBEDDED)
                for _, object_type, observed, _ in rows
                for data in inside(object_type, observed)
            ]
        )
        done += reduce_rows(rows, StripeEvent.Reduced.ERASURE)
        touched |= {
            (object_type, str(observed.data["id"]))
            for _, object_type, observed, _ in rows
            if object_type in SPECS and observed.data.get("id")
        }
    mirror_again(sorted(touched))
    return done


def hold(objects: Objects, events: Collection[int]) -> None:
    """Wait for whoever processes these objects, or those of these rows of the inbox, and keep
    others from it until the transaction ends. It comes before every other lock, as in a batch."""
    pairs = {
        (kind, key)
        for kind, spec in SPECS.items()
        for key in objects.get(spec.model._meta.label_lower, ())
    }
    rows = StripeEvent.objects.filter(pk__in=events)
    pairs |= set(rows.order_by().values_list("object_type", "object_id"))
    with connection.cursor() as cursor:
        # What a worker tries to take (payments.processing.CLAIM) and leaves to whoever has it.
        cursor.execute(
            """
            SELECT count(pg_advisory_xact_lock(hash)) FROM (
                SELECT DISTINCT hashtextextended(kind || key, 0) AS hash
                FROM unnest(%s::text[], %s::text[]) AS wanted (kind, key) ORDER BY hash
            ) AS hashes
            """,
            [[kind for kind, _ in pairs], [key for _, key in pairs]],
        )
    lock_charges(objects.get(Charge._meta.label_lower, ()))


def mirror_again(objects: Sequence[tuple[str, str]]) -> None:
    """Bring the mirror of these objects, which are held, up to their observations, as processing
    does."""
    processed = processed_only(objects)
    changes = project(processed, []).changes
    link_refunds(changes)
    announce(changes)


def processed_only(objects: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the objects that have a row: what wasn't processed yet is left to that."""
    there = {
        (kind, key)
        for kind, spec in SPECS.items()
        for key in keys(rows_of(spec.model, [key for one, key in objects if one == kind]))
    }
    return [one for one in objects if one in there]


def rows_of(model: type[MirrorObject], ids: Sequence[str]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._default_manager.filter(pk__in=ids)
    return rows
