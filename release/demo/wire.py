"""The SDK's client, answered by a stand-in in the same process: no socket, no waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

from standin import StandIn


class InProcess(stripe.RequestsClient):
    """A transport that asks the stand-in directly."""

    def __init__(self, standin: StandIn) -> None:
        super().__init__()
        self.standin = standin

    def request(  # type: ignore[override]  # as in RequestsClient, which differs from its own base
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers of the answer."""
        address = urlsplit(url)
        target = f"{address.path}?{address.query}" if address.query else address.path
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        answer = self.standin.api_http(method.upper(), target, headers or {}, body)
        return answer.body.encode(), answer.status, answer.headers


def in_process_client(standin: StandIn) -> stripe.StripeClient:
    """A client for the account that ``standin`` keeps."""
    return stripe.StripeClient(standin.secret_key, http_client=InProcess(standin))
