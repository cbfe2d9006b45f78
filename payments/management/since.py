"""What ``--since`` can be, for every command that has it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.dateparse import parse_datetime

SINCE = "a span such as 7d or 12h, a date, or a time"
SPAN = re.compile(r"(\d{1,5})([dh])")


def parse_since(text: str, now: datetime) -> datetime:
    """The moment that ``7d``, ``12h``, ``2026-03-01`` (a day of ``REPORTING_TIME_ZONE``) or a time
    in ISO 8601 means.

    Raises:
        CommandError: it means none, or one to come.
    """
    if span := SPAN.fullmatch(text):
        hours = int(span[1]) * (24 if span[2] == "d" else 1)
        return now - timedelta(hours=hours)
    try:
        since = parse_datetime(text)
    except ValueError:
        since = None
    if since is None:
        raise CommandError(f"--since is {text!r}; it can be {SINCE}.")
    if since.tzinfo is None:
        since = since.replace(tzinfo=ZoneInfo(settings.REPORTING_TIME_ZONE))
    if since > now:
        raise CommandError(f"--since is {text!r}, which is yet to come.")
    return since
