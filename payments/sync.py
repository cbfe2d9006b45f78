"""Lists Stripe's objects and events into the inbox: to backfill an account, and to find what never
arrived. A list that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import stripe
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

import auditlog.services as audit
from auditlog.context import acting_as, job
from payments import balance, endpoints, inbox, processing, reading
from payments.client import (
    Json,
    complete,
    pages,
    refusal,
    stripe_client,
)
from payments.entries import BadBody
from payments.models import Invoice, PaymentIntent, ReadRequest, Source, SyncCursor
from payments.reading import observed
from payments.reads import ORIGIN
from payments.resources import RESOURCES, Query, Resource

logger = logging.getLogger(__name__)

# Objects made while a list was interrupted are listed from a little before it began.
OVERLAP = timedelta(minutes=5)
# The regular look back: events are delivered for three days and can be listed for thirty.
FIRST_LOOK_BACK = timedelta(days=3)
LOOK_BACK_OVERLAP = timedelta(hours=1)
LONGEST_LOOK_BACK = timedelta(days=30)
MAX_ROUNDS = 20
# https://docs.stripe.com/api/checkout/sessions/create: expires_at is at most a day away.
SESSION_LIFE = timedelta(days=1)


@dataclass
class Listed:
    """What came of one resource: how many objects were listed and how many of them were new to the
    inbox; ``error`` is Stripe's refusal."""

    resource: str
    listed: int = 0
    stored: int = 0
    resumed: bool = False
    error: str = ""
    began: datetime | None = None
    reached: datetime | None = None  # the time of the object that was listed last
    done: bool = False


@dataclass
class Synced:
    """What came of a run: the resources in their order, then what was made of it all."""

    resources: list[Listed] = field(default_factory=list)
    processed: int = 0
    failed: int = 0
    dead: int = 0
    read: int = 0
    note: str = ""

    @property
    def refused(self) -> list[Listed]:
        """The resources that couldn't be listed, or not to their end."""
        return [listed for listed in self.resources if listed.error]


Progress = Callable[[Listed], None]


class UnknownResource(ValueError):
    """There is no resource of that name; the message lists those that there are."""


def sync(
    *,
    since: datetime | None = None,
    only: Sequence[str] = (),
    restart: bool = False,
    progress: Progress = lambda listed: None,
    client: stripe.StripeClient | None = None,
) -> Synced:
    """List ``only`` those resources, or all, into the inbox; then process what came.

    ``since`` leaves out what was made before. A list that was interrupted goes on, unless
    ``restart``. A resource that Stripe refuses doesn't stop the others. One audit row is written
    for the current actor.

    Raises:
        UnknownResource: ``only`` names one that isn't in ``RESOURCES``.
        NotConfigured: there is no key.
        CallInTransaction: a transaction is open.
    """
    unknown = [name for name in only if name not in RESOURCES]
    if unknown:
        raise UnknownResource(
            f"There is nothing called {', '.join(unknown)}; there are {', '.join(RESOURCES)}."
        )
    client = client or stripe_client()
    result = Synced()
    suffix = ":since" if since else ""
    for resource in RESOURCES.values():
        if not only or resource.name in only:
            result.resources += _list_resource(client, resource, suffix, since, restart, progress)
    _process(client, result, since)
    _record(result, since)
    return result


def catch_up(now: datetime | None = None) -> Synced:
    """The regular, cheap run: events that never arrived, and what has no events: balance
    transactions with Stripe's own balance, and webhook endpoints.

    Each list goes back to where the last one that ended began, with an hour's overlap. It acts in
    the name of ``job:sync_stripe``, and is audited if it found something or was refused.

    Raises:
        NotConfigured: there is no key.
        CallInTransaction: a transaction is open.
    """
    now = now or timezone.now()
    client = stripe_client()
    result = Synced()
    for name in ("events", "balance_transactions"):
        since = _look_back(f"{name}:recent", now)
        result.resources += _list_resource(
            client, RESOURCES[name], ":recent", since, True, lambda _: None
        )
    for refused in result.refused:
        logger.warning("%s can't be read: %s", refused.resource, refused.error)
    if changed := endpoints.look(client):
        result.resources.append(Listed(endpoints.CURSOR, listed=changed, stored=changed, done=True))
    _process(client, result, since=now)
    if result.refused or any(listed.stored for listed in result.resources):
        with acting_as(job("sync_stripe")):
            _record(result, since=None)
    return result


def _look_back(key: str, now: datetime) -> datetime:
    last = SyncCursor.objects.filter(pk=key).first()
    if last is None or last.since is None:
        return now - FIRST_LOOK_BACK
    # One that didn't end looked back as far as it had to.
    since = last.started_at - LOOK_BACK_OVERLAP if last.finished_at else last.since
    return max(since, now - LONGEST_LOOK_BACK)


def _record(result: Synced, since: datetime | None) -> None:
    with transaction.atomic():
        audit.record(
            "stripe.sync",
            after={
                "since": since.isoformat() if since else None,
                "listed": {listed.resource: listed.listed for listed in result.resources},
                "new": sum(listed.stored for listed in result.resources),
                "refused": {listed.resource: listed.error for listed in result.refused},
            },
        )


def _list_resource(
    client: stripe.StripeClient,
    resource: Resource,
    suffix: str,
    since: datetime | None,
    restart: bool,
    progress: Progress,
) -> list[Listed]:
    """Go through all lists of a resource; ``suffix`` keeps the places of different uses apart.

    Stripe's own balance is asked for before the balance transactions, and kept once these are
    listed: both are then known of one moment. It is told about only where it is refused.
    """
    told = Listed("balance")
    answer = None
    if resource.name == "balance_transactions":
        try:
            answer = balance.ask(client)
        except stripe.StripeError as error:
            told.error = refusal(error)
    listed = _list_all(client, resource, suffix, since, restart, progress)
    if answer and not listed.error:
        try:
            balance.keep(answer, whole_history=since is None)
        except BadBody as error:
            told.error = f"it can't be kept: {error}"
    return [listed, told] if told.error else [listed]


def _list_all(
    client: stripe.StripeClient,
    resource: Resource,
    suffix: str,
    since: datetime | None,
    restart: bool,
    progress: Progress,
) -> Listed:
    listed = Listed(resource.name, began=timezone.now())
    for name, query in resource.lists():
        cursor = _cursor(f"{name}{suffix}", since, restart, listed)
        try:
            _list(client, resource, query, cursor, listed, progress)
        except stripe.StripeError as error:
            cursor.error = listed.error = refusal(error)
            cursor.save(update_fields=["error"])
    listed.done = True
    progress(listed)
    return listed


def _cursor(key: str, since: datetime | None, restart: bool, listed: Listed) -> SyncCursor:
    """Where the list goes on, or its start; saved."""
    cursor = SyncCursor.objects.filter(pk=key, finished_at__isnull=True).first()
    if cursor and cursor.starting_after and not restart and _covers(cursor.since, since):
        listed.resumed = True
        return cursor
    cursor, _ = SyncCursor.objects.update_or_create(
        pk=key,
        defaults={
            "since": since,
            "starting_after": "",
            "stored": 0,
            "started_at": timezone.now(),
            "finished_at": None,
            "error": "",
        },
    )
    return cursor


def _covers(held: datetime | None, wanted: datetime | None) -> bool:
    """Whether going on with a list since ``held`` is what a run since ``wanted`` asks for.

    ``--since 7d`` means another moment each time it is typed.
    """
    if held is None or wanted is None:
        return held is wanted
    return held <= wanted <= held + timedelta(days=1)


def _list(
    client: stripe.StripeClient,
    resource: Resource,
    query: Query,
    cursor: SyncCursor,
    listed: Listed,
    progress: Progress,
) -> None:
    """List from the cursor's place to the end; after a break also what was made since it began."""
    began = cursor.started_at
    resumed = bool(cursor.starting_after)
    try:
        _walk(client, resource, query, cursor, listed, progress, since=cursor.since)
    except stripe.InvalidRequestError as error:
        if not (resumed and error.code == "resource_missing"):
            raise
        # The object where it stopped was deleted: from the start, then.
        resumed = False
        cursor.starting_after = ""
        _walk(client, resource, query, cursor, listed, progress, since=cursor.since)
    if resumed:
        cursor.starting_after = ""
        _walk(client, resource, query, cursor, listed, progress, since=began - OVERLAP)
    cursor.finished_at = timezone.now()
    cursor.error = ""
    cursor.save(update_fields=["finished_at", "error"])


def _walk(
    client: stripe.StripeClient,
    resource: Resource,
    query: Query,
    cursor: SyncCursor,
    listed: Listed,
    progress: Progress,
    *,
    since: datetime | None,
) -> None:
    """List page by page, newest first; each page and its place are stored together."""
    window = {"created": {"gte": int(since.timestamp())}} if since else {}
    source = Source.LISTED if resource.name == "events" else Source.READ
    walk = pages(client, resource.path, {**query, **window}, starting_after=cursor.starting_after)
    for page in walk:
        observations: list[Json] = [
            obj
            if source == Source.LISTED
            else observed(complete(client, obj), as_of=page.as_of, api_version=page.api_version)
            for obj in page.objects
        ]
        if not observations:
            continue
        with transaction.atomic():
            stored = _store(observations, source, listed)
            cursor.starting_after = page.objects[-1]["id"]
            cursor.stored += stored
            cursor.save(update_fields=["starting_after", "stored"])
        listed.listed += len(observations)
        listed.stored += stored
        listed.reached = _made(page.objects[-1])
        progress(listed)


def _store(observations: Sequence[Json], source: Source, listed: Listed) -> int:
    """Store a page; an object that can't be kept is told about and holds up no other."""
    try:
        return inbox.store(observations, source)
    except BadBody:
        stored = 0
        for observation in observations:
            try:
                stored += inbox.store([observation], source)
            except BadBody as error:
                listed.error = f"{str(observation.get('id'))[:100]} can't be kept: {error}"
        return stored


def _made(obj: Json) -> datetime | None:
    created = obj.get("created")
    return datetime.fromtimestamp(created, tz=UTC) if isinstance(created, int) else None


def _process(client: stripe.StripeClient, result: Synced, since: datetime | None) -> None:
    """Process the inbox and fulfil the reads that this asks for, until both have come to rest."""
    for _ in range(MAX_ROUNDS):
        drained = processing.drain()
        result.processed += drained.processed
        result.failed += drained.failed
        result.dead += drained.dead
        _withdraw_answered(result, since)
        read = reading.drain(client=client)
        result.read += read.read
        result.note = result.note or read.note
        if not read.read:
            break


def _withdraw_answered(result: Synced, since: datetime | None) -> None:
    """Take back the wishes that whole lists have answered: else each payment costs two requests."""
    began = {listed.resource: listed.began for listed in result.resources if not listed.error}
    payments, sessions = began.get("invoice_payments"), began.get("checkout_sessions")
    if payments is None:
        return
    invoices = Invoice.objects.filter(as_of__lt=payments)
    _withdraw("invoice.payments", invoices.filter(created__gte=since) if since else invoices)
    if sessions is not None:
        intents = PaymentIntent.objects.filter(created__lt=min(payments, sessions))
        # A session makes its intent at any time of its life.
        first = since + SESSION_LIFE if since else None
        _withdraw(ORIGIN, intents.filter(created__gte=first) if first else intents)


def _withdraw(kind: str, answered: QuerySet[Invoice] | QuerySet[PaymentIntent]) -> None:
    ReadRequest.objects.filter(kind=kind, key__in=answered.order_by().values("pk")).delete()
