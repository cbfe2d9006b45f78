"""The HTTP side: loopback only, keep-alive, each answer in one write."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .api import Answer

if TYPE_CHECKING:
    from .standin import StandIn

HOST = "127.0.0.1"
_LARGEST_BODY = 2 * 1024 * 1024


class Server(ThreadingHTTPServer):
    """A server that knows its open connections, so that it can close them."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, port: int, standin: StandIn) -> None:
        self.standin = standin
        self.connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((HOST, port), Handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up that ``http.server`` would make."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it is open."""
        with self._guard:
            self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._guard:
            self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error."""

    def close_connections(self) -> None:
        """End keep-alive connections: nobody talks to a stand-in that stopped."""
        with self._guard:
            still_open = list(self.connections)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Reads one request after the other off a connection."""

    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm an answer waits up to 40 ms for the client's delayed ACK.
    disable_nagle_algorithm = True
    timeout = 120
    server: Server

    def do_GET(self) -> None:
        """Read."""
        self._handle("GET")

    def do_POST(self) -> None:
        """Create, change, act."""
        self._handle("POST")

    def do_DELETE(self) -> None:
        """Delete, cancel."""
        self._handle("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        """Requests aren't logged."""

    def _handle(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            self.close_connection = True
            self._send(Answer(413, "{}"))
            return
        body = self.rfile.read(length) if length else b""
        headers = {name.title(): value for name, value in self.headers.items()}
        if self.path.startswith("/_control"):
            answer = self.server.standin.control_http(method, self.path, headers, body)
        else:
            answer = self.server.standin.api_http(method, self.path, headers, body)
        if answer.dropped:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        payload = answer.body.encode()
        lines = [
            f"HTTP/1.1 {answer.status} {_phrase(answer.status)}",
            "Server: stand-in",
            f"Date: {self.date_time_string()}",
            "Content-Type: application/json",
            f"Content-Length: {len(payload)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.wfile.write(head.encode("latin-1") + payload)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
