"""A channel for alerts that is really there: a small HTTP server on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "Xk29-token-of-the-channel"


class Receiver:
    """Takes what apprise's ``json://`` sends, with ``status`` as its answer.

    ``messages`` holds what came, taken or not. ``hold`` may be cleared to let it wait with its
    answers.
    """

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.messages: list[dict[str, Any]] = []
        self.asked = threading.Event()
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                receiver.messages.append(json.loads(self.rfile.read(length)))
                receiver.asked.set()
                receiver.hold.wait(10)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"json://user:{TOKEN}@127.0.0.1:{self.server.server_port}/{TOKEN}/"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    def stop(self) -> None:
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()
