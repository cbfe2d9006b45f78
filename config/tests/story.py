"""What the stories of a payment share: waiting, and reading a page as its reader does."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from payments.models import StripeEvent

PATIENCE = 60.0


def eventually(holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until ``holds()``; fail saying what didn't come true, and where the inbox stands."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}\n{inbox()}"
        time.sleep(0.05)


def inbox() -> str:
    """Each event's type, status and error, a line each."""
    events = StripeEvent.objects.order_by("pk").values_list("type", "status", "error")
    return "\n".join(" ".join(event) for event in events) or "the inbox is empty"


def post_json(url: str, body: dict[str, Any]) -> int:
    """POST and return the status."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", place.path, json.dumps(body), headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def page(url: str, reader: User) -> str:
    """The page that the live server shows to ``reader``, signed in by a session in the database."""
    browser = Client()
    browser.force_login(reader)
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
    path = f"{place.path}?{place.query}"
    connection.request("GET", path, headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"})
    try:
        response = connection.getresponse()
        assert response.status == 200, f"{response.status} {response.headers.get('Location', '')}"
        return response.read().decode()
    finally:
        connection.close()


def figures(html: str) -> dict[str, str]:
    """The totals of the dashboard's table of days, by the name of their column."""
    tables = re.findall(r"<table.*?</table>", html, re.S)
    (days,) = [table for table in tables if "<tfoot>" in table]
    head = re.search(r"<thead>(.*?)</thead>", days, re.S)
    foot = re.search(r"<tfoot>(.*?)</tfoot>", days, re.S)
    assert head, "the columns have no names"
    assert foot, "the table has no totals"
    names = re.findall(r"<th[^>]*>(.*?)</th>", head[1], re.S)[1:]
    values = re.findall(r"<td[^>]*>(.*?)</td>", foot[1], re.S)
    return {text(name): text(value) for name, value in zip(names, values, strict=True)}


def text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).strip()
