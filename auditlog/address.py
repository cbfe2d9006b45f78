"""Where a request came from, behind proxies too."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The address of whoever asked: the nearest one that isn't a proxy of ``TRUSTED_PROXIES``.

    ``X-Forwarded-For`` counts only as far as trusted proxies wrote it: what stands left of the
    first address that we don't trust was written by whoever sits there, and may say anything. None
    where the server's own peer has no address (a socket) and no proxy named one.
    """
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    hops.append(request.META.get("REMOTE_ADDR") or "unix")
    nearest = None
    while hops:
        hop = hops.pop().strip()
        known = "unix" if hop == "unix" and nearest is None else _plain(hop)
        if known is None:
            break
        nearest = known
        if not _trusted(known):
            break
    return None if nearest == "unix" else nearest


def _trusted(hop: str) -> bool:
    if hop == "unix":
        return settings.TRUSTED_PROXIES.unix
    return any(ip_address(hop) in network for network in settings.TRUSTED_PROXIES.networks)


def _plain(hop: str) -> str | None:
    """The address as it is written shortest, an IPv4 one that IPv6 wraps unwrapped; None for what
    is none."""
    try:
        found = ip_address(hop)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found)
