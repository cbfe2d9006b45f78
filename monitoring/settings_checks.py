"""What can be wrong with the settings of alerts, said by ``manage.py check``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from monitoring import channels


@register()
def alert_settings(**options: Any) -> list[CheckMessage]:
    """Addresses that can't be read, and alerts without links; no part of an address is shown."""
    return list(found())


def found() -> Iterator[CheckMessage]:
    for channel in channels.configured():
        if channels.reader(channel.url) is None:
            yield Error(
                f"ALERT_URLS holds an address that can't be read: {channel.label}.",
                hint="Each is written as apprise writes it, apart by spaces; "
                "https://appriseit.com/services/ lists the services. What is special in a "
                "password or token must be percent-encoded.",
                id="monitoring.E001",
            )
    if settings.ALERT_URLS and not settings.SITE_URL:
        yield Warning(
            "Alerts hold no links, since SITE_URL isn't set.",
            hint="Set SITE_URL to where people reach this site, such as "
            "https://countinghouse.example.",
            id="monitoring.W001",
        )
