"""The web server's worker: threads that wait for no sender longer than a while.

gunicorn's own wait for a request as long as it takes to come, so a few connections that send a byte
now and then would hold all of them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import ThreadWorker

from payments.slow_bodies import Watch, watched


class Worker(ThreadWorker):  # type: ignore[misc]  # it is untyped
    """Ends the reading of a request that hasn't come within ``REQUEST_SECONDS``: one without all of
    its headers is dropped, one without all of its body isn't taken for whole. What is answered
    may take as long as it likes."""

    def handle(self, conn: Any) -> Any:
        with watched(conn.sock, settings.REQUEST_SECONDS) as conn.watch:
            return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        req.body = Body(req.body, conn.watch)
        return super().handle_request(req, conn)


class Body:
    """A request's body, as WSGI wants it, that fails where it was cut off."""

    def __init__(self, body: Any, watch: Watch) -> None:
        self.body = body
        self.watch = watch

    def read(self, size: int | None = None) -> bytes:
        return self.whole(self.body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return self.whole(self.body.readline, size)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def readlines(self, size: int | None = None) -> list[bytes]:
        return list(self)

    def whole(self, read: Callable[[int | None], bytes], size: int | None) -> bytes:
        data = read(size)
        if self.watch.late:
            raise OSError(errno.ECONNRESET, "the body took too long")
        return data
