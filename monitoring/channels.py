"""The channels in ``ALERT_URLS``: mail, chat, pagers, reached through apprise.

Their addresses hold tokens and passwords. So a channel is known by a digest and a label, and what
a channel says went wrong is told without any part of its address.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from django.conf import settings
from django.utils.crypto import salted_hmac

from payments.client import refuse_in_transaction

if TYPE_CHECKING:
    from apprise import Apprise

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://")
PATIENCE = 60.0  # seconds for all that one channel does about a message
MASK = "***"


@dataclass(frozen=True)
class Channel:
    """One address in ``ALERT_URLS``. ``key`` stands for it in the database."""

    key: str
    label: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class Message:
    """What is told; ``urgent`` where a channel knows a difference."""

    title: str
    body: str
    urgent: bool = True


def configured() -> list[Channel]:
    """The channels in ``ALERT_URLS``, in their order."""
    return [
        Channel(
            key=salted_hmac("monitoring.channel", url, algorithm="sha256").hexdigest()[:32],
            label=f"{scheme(url)} (number {number} in ALERT_URLS)",
            url=url,
        )
        for number, url in enumerate(settings.ALERT_URLS, start=1)
    ]


def scheme(url: str) -> str:
    """The service that an address names, such as slack; nothing secret."""
    found = SCHEME.match(url)
    return found[1].lower() if found else "unreadable"


def reader(url: str) -> Apprise | None:
    """What sends to ``url``; None where it is no address that apprise can read."""
    from apprise import Apprise, AppriseAsset  # late: only a process that sends pays for it

    asset = AppriseAsset(app_id="Countinghouse", app_desc="Countinghouse", storage_mode="memory")
    sender = Apprise(asset=asset)
    return sender if sender.add(str(url)) else None


def send(channel: Channel, message: Message) -> str:
    """Send ``message`` over the network; return why that failed, empty when it was taken.

    Raises:
        CallInTransaction: a transaction is open.
    """
    refuse_in_transaction()
    try:
        sender = reader(channel.url)
        if sender is None:
            return "The address can't be read: it isn't one that apprise knows."
        from apprise import NotifyFormat, NotifyType

        result = sender.notify(
            title=message.title,
            body=message.body,
            notify_type=NotifyType.FAILURE if message.urgent else NotifyType.INFO,
            body_format=NotifyFormat.TEXT,
            timeout=PATIENCE,
            log_level=logging.WARNING,
        )
    except Exception as error:  # a service's module may raise anything
        return masked(f"{type(error).__name__}: {error}", channel.url)
    if result:
        return ""
    said = [entry.message for entry in result.logs()]
    return masked(" ".join(said) or f"Not sent: {result.status.name.lower()}", channel.url)


def masked(text: str, url: str) -> str:
    """``text`` without the parts of ``url``, as they stand or decoded; at most 500 characters."""
    _, _, rest = url.partition("://")
    for part in sorted(parts_of(rest), key=len, reverse=True):
        text = re.sub(re.escape(part), MASK, text, flags=re.IGNORECASE)
    return text[:500]


def parts_of(address: str) -> set[str]:
    """Whatever of an address could be a secret: all of it, and all between its separators."""
    whole: Sequence[str] = (address, unquote_plus(address))
    parts = {part for each in whole for part in re.split(r"[/:@?&=#,;\s]+", each)}
    parts |= {unquote_plus(part) for part in parts}
    return {part for part in {*whole, *parts} if len(part) > 2}
