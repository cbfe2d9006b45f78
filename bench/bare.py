"""The least that anybody who takes Stripe's events must do: verify, insert the row, commit."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg

SECRET = os.environ["STRIPE_WEBHOOK_SECRETS"].encode()
INSERT = """
INSERT INTO payments_stripeevent (stripe_id, source, type, object_type, object_id, api_version,
    livemode, as_of, payload, note, received_at, status, attempts, not_before, error)
VALUES (%s, 'webhook', %s, %s, %s, %s, %s, %s, %s, '', now(), 'received', 0, now(), '')
ON CONFLICT (stripe_id) DO NOTHING
"""
_local = threading.local()


def connected() -> psycopg.Connection:
    """The thread's connection."""
    if not hasattr(_local, "connection"):
        _, _, rest = os.environ["DATABASE_URL"].partition("@/")
        folder, _, database = rest.rpartition("/")
        _local.connection = psycopg.connect(
            host=folder, user="postgres", dbname=database, autocommit=True
        )
    connection: psycopg.Connection = _local.connection
    return connection


def is_signed(body: bytes, header: str) -> bool:
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at = parts.get("t", "")
    digest = hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    fresh = at.isdigit() and abs(time.time() - int(at)) < 300
    return fresh and hmac.compare_digest(digest, parts.get("v1", ""))


def application(environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if not is_signed(body, environ.get("HTTP_STRIPE_SIGNATURE", "")):
        respond("400 Bad Request", [("Content-Length", "0")])
        return []
    event = json.loads(body)
    thing = event["data"]["object"]
    values = (
        event["id"],
        event["type"],
        thing["object"],
        thing.get("id", ""),
        event.get("api_version") or "",
        event["livemode"],
        datetime.fromtimestamp(event["created"], UTC),
        body.decode(),
    )
    connected().execute(INSERT, values)
    respond("200 OK", [("Content-Type", "application/json"), ("Content-Length", "18")])
    return [b'{"received": true}']
