"""Who acts now: the person behind the request, or the job; every audited write names them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True)
class Actor:
    """A person (``user``) or a job (``name`` alone), and where the act came from."""

    name: str
    user: User | None = None
    address: str | None = None
    request_id: str = field(default_factory=lambda: caused_by())


SYSTEM = Actor(name="system", request_id="")
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def current_actor() -> Actor:
    """The actor of this thread or task; ``SYSTEM`` where nobody said."""
    return _actor.get()


def caused_by() -> str:
    """The id of the request that all of this is about: that of who acts now, or a new one."""
    return current_actor().request_id or uuid.uuid4().hex


@contextmanager
def acting_as(actor: Actor) -> Iterator[Actor]:
    """Make ``actor`` the one who acts, within the block."""
    token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(token)


def job(name: str, request_id: str = "") -> Actor:
    """The actor for a job or a command: under ``request_id``, else under that of who acts now, else
    under one of its own."""
    return Actor(name=f"job:{name}", request_id=request_id or caused_by())
