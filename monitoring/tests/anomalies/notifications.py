"""Anomalies for ``monitoring/checks/notifications.py``."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from monitoring import channels
from monitoring.services.alerts import try_channels
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.receiver import Receiver


@cache
def receiver() -> Receiver:
    return Receiver()


def answer(status: int) -> None:
    """The channel answers a message so from here on, and is tried."""
    receiver().status = status
    settings.ALERT_URLS = [receiver().url]
    try_channels()


ANOMALIES = {
    "notification_channel_failing": Anomaly(
        make=lambda: answer(500),
        finds=lambda: {("monitoring.channel", channels.configured()[0].key, None, "")},
        mend=lambda: answer(200),
        again=lambda: answer(403),
    ),
}
