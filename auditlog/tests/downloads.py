"""Downloads as tests take them."""

from __future__ import annotations

from typing import Any


def break_off(response: Any) -> None:
    """What a server does when its client is gone, but for the end of the request's signal, which
    would close the test's connection."""
    for close in response._resource_closers:
        close()
