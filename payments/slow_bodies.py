"""Senders that take their time: a thread waits for a body no longer than a while.

gunicorn's threads wait for a body as long as the sender likes, so a few connections that send a
byte now and then would hold all of them. One watchman in each process, started when it is first
needed, ends the reading of what is late. The web server's worker watches whole requests
(``config.gunicorn_worker``); the webhook, which anybody may call, its own more strictly.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

GRAIN = 0.25  # seconds between two looks


class Watch:
    """One body that is being read; ``late`` once it took too long."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self.connection = connection
        self.deadline = time.monotonic() + seconds
        self.late = False

    def end(self) -> None:
        """End the reading, as if the sender had sent all; the answer can still be written."""
        self.late = True
        with contextlib.suppress(OSError):  # gone already
            self.connection.shutdown(socket.SHUT_RD)


_watched: set[Watch] = set()
_starting = threading.Lock()
_watchman: threading.Thread | None = None


@contextlib.contextmanager
def watched(connection: socket.socket | None, seconds: float) -> Iterator[Watch | None]:
    """Within the block, reading from ``connection`` ends after ``seconds``. None: a server that
    doesn't say which connection it is."""
    if connection is None:
        yield None
        return
    watch = Watch(connection, seconds)
    _watched.add(watch)
    _see_to_the_watchman()
    try:
        yield watch
    finally:
        _watched.discard(watch)


def _see_to_the_watchman() -> None:
    global _watchman
    if _watchman is None or not _watchman.is_alive():
        with _starting:
            if _watchman is None or not _watchman.is_alive():
                _watchman = threading.Thread(target=_look, name="slow bodies", daemon=True)
                _watchman.start()


def _look() -> None:
    while True:
        time.sleep(GRAIN)
        now = time.monotonic()
        for watch in [*_watched]:
            if now > watch.deadline and not watch.late:
                watch.end()
