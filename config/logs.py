"""Log lines for machines: one JSON object each, which says on whose behalf it was written.

The fields of a line are those here and no others: what a library adds to its records may be a
whole request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from procrastinate.jobs import Job
from pythonjsonlogger.json import JsonFormatter as Formatter

from auditlog.context import SYSTEM, current_actor

_job: ContextVar[Mapping[str, Any] | None] = ContextVar("job", default=None)


@contextmanager
def working_on(job: Job) -> Iterator[None]:
    """Within the block log lines name the job."""
    token = _job.set(job.asdict())
    try:
        yield
    finally:
        _job.reset(token)


class CauseFilter(logging.Filter):
    """Notes on each record what it is about, before what it was given is redacted to text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record through, with its ``cause``."""
        record.cause = cause(record)
        return True


class JsonFormatter(Formatter):
    """``time``, ``level``, ``logger``, ``message``; where they are known ``request_id``, ``actor``,
    ``job``, ``task``, ``queue``; ``exception`` and ``stack`` where there are some."""

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.message,
            **(getattr(record, "cause", None) or cause(record)),
            "exception": message_dict.get("exc_info"),
            "stack": message_dict.get("stack_info"),
        }
        log_data.update({name: value for name, value in fields.items() if value not in (None, "")})


def cause(record: logging.LogRecord) -> dict[str, Any]:
    """Which request, whose, and which job the line is about."""
    actor = current_actor()
    # What the queue says of a job, and Django of a request, comes when nobody acts any more.
    job = getattr(record, "job", None) or _job.get() or {}
    if not isinstance(job, Mapping):
        job = {}
    request_id = (
        actor.request_id
        or getattr(getattr(record, "request", None), "request_id", "")
        or (job.get("task_kwargs") or {}).get("request_id")
    )
    # People by their number: a name may be an e-mail address.
    who = f"user:{actor.user.pk}" if actor.user else "" if actor is SYSTEM else actor.name
    return {
        "request_id": request_id,
        "actor": who,
        "job": job.get("id"),
        "task": job.get("task_name"),
        "queue": job.get("queue"),
    }
