"""One state of the database for all that is read together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]


@contextmanager
def snapshot() -> Iterator[None]:
    """One state of the database for all that is read within: what others commit meanwhile stays
    unseen. Nothing can be written. Within a transaction it is that one's."""
    outermost = not connection.in_atomic_block
    # A savepoint otherwise: an interrupted COPY spoils the transaction.
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def from_one_snapshot(page: Page[P]) -> Page[P]:
    """A decorator for a page that is read and rendered from one state of the database, so that a
    figure and what it is made of can't differ by what is committed in between.

    Nearest to the view: who may see the page is told, and audited, before it; sessions are written
    after it. Not for what is streamed, which is read after the view has returned.
    """

    @wraps(page)
    def shown(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if connection.in_atomic_block:  # it is that transaction's state, without a savepoint
            return page(request, *args, **kwargs)
        with snapshot():
            return page(request, *args, **kwargs)

    return shown
