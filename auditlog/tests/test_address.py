"""Where a request came from: what a proxy says counts, what anybody says doesn't."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from auditlog.address import client_address
from config.proxies import Proxies


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "found"),
    [
        ("", "203.0.113.9", "", "203.0.113.9"),
        # Nobody is trusted: whoever connects may write what they like.
        ("", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.0/8", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        # The client forged an address, and the proxy wrote the client's after it.
        ("10.0.0.0/8", "10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", "192.0.2.66, 10.9.9.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.0/8, 2001:db8::/32", "2001:db8::1", "2001:db9::5", "2001:db9::5"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("unix", "", "198.51.100.1", "198.51.100.1"),
        ("unix", "", "", None),
        ("", "", "198.51.100.1", None),
        # A word of ours that a client writes into the header is no address.
        ("unix", "", "unix", None),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy(
    rf: RequestFactory, settings: Any, trusted: str, peer: str, forwarded: str, found: str | None
) -> None:
    settings.TRUSTED_PROXIES = Proxies.parse(trusted)
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    assert client_address(rf.get("/", REMOTE_ADDR=peer, headers=headers)) == found
