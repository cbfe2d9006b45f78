"""Runs localstripe on a socket that it is handed: ``run_localstripe.py <file descriptor>``.

Its own command listens on every interface and keeps its state in one file for the whole machine.
"""

import socket
import sys

from aiohttp import web
from localstripe import resources, server  # type: ignore[import-untyped]


def keep_nothing(store: resources.Store) -> None:
    """Takes the place of writing the state to disk at every change."""


resources.Store.dump_to_disk = keep_nothing
web.run_app(server.app, sock=socket.socket(fileno=int(sys.argv[1])), print=None, access_log=None)
