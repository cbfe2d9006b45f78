"""Which proxies may say where a request came from."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network


@dataclass(frozen=True)
class Proxies:
    """The networks whose ``X-Forwarded-For`` counts; ``unix`` stands for a socket."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False

    @classmethod
    def parse(cls, text: str) -> Proxies:
        """``10.0.0.0/8 192.0.2.7 unix``, apart by space or comma.

        Raises:
            ValueError: one of them is neither an address nor a network.
        """
        words = text.replace(",", " ").split()
        return cls(
            tuple(ip_network(word) for word in words if word != "unix"), unix="unix" in words
        )
