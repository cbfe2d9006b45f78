"""Tells new and re-opened issues to people: at most one message a run and channel.

A run leaves one row a channel in its own transaction; a job sends them outside any. A channel that
took its message is done with, whatever becomes of the others; one that failed is tried again. If a
process dies between a channel's answer and our noting it, the message comes twice: better than not
at all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from auditlog import services as audit
from monitoring import channels, tasks
from monitoring.alerting import TEST, message_about, opened_in
from monitoring.channels import Channel, Message
from monitoring.models import AlertDelivery, CheckRun
from payments.client import refuse_in_transaction

logger = logging.getLogger(__name__)

# Longer than a channel can take, so that nobody else sends the same meanwhile.
LEASE = timedelta(minutes=5)
# After three hours an alert is no news.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 60, 60))
Status = AlertDelivery.Status


def prepare(run: CheckRun, now: datetime) -> int:
    """Have ``run``'s new and re-opened issues told on each channel; return on how many.

    Stands in the transaction that ends the run, so that neither is without the other.
    """
    configured = channels.configured()
    if not configured or not opened_in(run).exists():
        return 0
    AlertDelivery.objects.bulk_create(
        AlertDelivery(
            run=run, channel=channel.key, label=channel.label, created_at=now, next_at=now
        )
        for channel in configured
    )
    # Should this fail, the schedule sends them a minute later.
    transaction.on_commit(tasks.wake_alerts, robust=True)
    return len(configured)


@dataclass
class Told:
    """How many messages were sent, and how many tries failed."""

    sent: int = 0
    failed: int = 0


def send_due(*, now: datetime | None = None) -> Told:
    """Send every message that is due, the oldest first.

    Raises:
        CallInTransaction: a transaction is open.
    """
    refuse_in_transaction()
    told = Told()
    known = {channel.key: channel for channel in channels.configured()}
    messages: dict[int, Message] = {}
    while delivery := claim(now or timezone.now()):
        channel = known.get(delivery.channel)
        if channel is None:
            drop(delivery)
            continue
        run = delivery.run
        assert run is not None  # a test never waits
        if run.pk not in messages:
            messages[run.pk] = message_about(run)
        error = channels.send(channel, messages[run.pk])
        settle(delivery, error, now=now)
        told.failed += bool(error)
        told.sent += not error
    return told


def claim(now: datetime) -> AlertDelivery | None:
    """Take one message that is due and that nobody else has; None where there is none."""
    with transaction.atomic():
        delivery = (
            AlertDelivery.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("run")
            .filter(status=Status.WAITING, next_at__lte=now)
            .order_by("next_at", "id")
            .first()
        )
        if delivery is not None:
            delivery.attempts += 1
            delivery.next_at = now + LEASE
            delivery.save(update_fields=["attempts", "next_at"])
    return delivery


def settle(
    delivery: AlertDelivery, error: str, *, give_up: bool = False, now: datetime | None = None
) -> None:
    """Note what became of a try; audited once it is the last one."""
    now = now or timezone.now()
    last = give_up or delivery.attempts > len(PAUSES)
    delivery.tried_at, delivery.error, delivery.next_at = now, error, None
    if not error:
        delivery.status = Status.SENT
    elif last:
        delivery.status = Status.FAILED
    else:
        delivery.next_at = now + PAUSES[delivery.attempts - 1]
    if error:
        logger.warning("An alert wasn't sent: %s: %s", delivery.label, error)
    with transaction.atomic():
        delivery.save()
        if delivery.next_at is None:
            note(delivery)


def drop(delivery: AlertDelivery) -> None:
    """Give up a message to a channel that is gone; that says nothing about the channel."""
    with transaction.atomic():
        delivery.status, delivery.next_at = Status.FAILED, None
        delivery.attempts -= 1  # it was claimed, and not tried
        delivery.save(update_fields=["status", "next_at", "attempts"])
        note(delivery, reason="The channel is no longer in ALERT_URLS.")


def note(delivery: AlertDelivery, reason: str = "") -> None:
    audit.record(
        "monitoring.alert",
        delivery,
        reason=reason,
        after={"channel": delivery.label, "status": delivery.status},
    )


def try_channels() -> list[AlertDelivery]:
    """Send a test to every channel now, and return what became of each.

    Raises:
        CallInTransaction: a transaction is open.
    """
    return [test(channel) for channel in channels.configured()]


def test(channel: Channel) -> AlertDelivery:
    now = timezone.now()
    error = channels.send(channel, TEST)
    delivery = AlertDelivery(
        channel=channel.key, label=channel.label, created_at=now, attempts=1, next_at=now
    )
    settle(delivery, error, give_up=True)
    return delivery
