"""Faults on demand: answers that fail, arrive late, or never arrive."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from .errors import ApiError


@dataclass
class Fault:
    """What happens to the next ``count`` requests that match.

    ``status`` answers an error in place of the request; with ``after_effect`` the request is
    carried out first. ``drop`` closes the connection with no answer, after the effect took
    place. ``latency`` only waits: before the effect, or after it. ``saved`` keeps a 5xx for its
    idempotency key, as Stripe does.
    """

    status: int | None = None
    count: int = 1
    method: str | None = None
    path: str = "*"
    after_effect: bool = False
    drop: bool = False
    latency: float = 0.0
    retry_after: int | None = None
    should_retry: bool | None = None
    saved: bool = True

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant; ``path`` is a pattern such as ``/v1/refunds*``."""
        wanted = self.method is None or self.method.upper() == method
        return wanted and fnmatchcase(path, self.path)

    def error(self) -> ApiError | None:
        """The answer, when the fault has one."""
        if self.status is None:
            return None
        headers: dict[str, str] = {}
        if self.should_retry is not None:
            headers["Stripe-Should-Retry"] = "true" if self.should_retry else "false"
        if self.status == 429:
            headers["Retry-After"] = str(self.retry_after if self.retry_after is not None else 1)
            return ApiError(
                429,
                "Request rate limit exceeded. Learn more about rate limits here "
                "https://stripe.com/docs/rate-limits.",
                code="rate_limit",
                saved=False,
                headers=headers,
            )
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        message = (
            "An unknown error occurred"
            if self.status == 500
            else "Stripe is temporarily unavailable. Please try again later."
        )
        saved = self.saved and self.status == 500
        return ApiError(self.status, message, type_="api_error", saved=saved, headers=headers)


class Faults:
    """The faults that are still to happen, in the order they were asked for."""

    def __init__(self) -> None:
        self.pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Have a fault happen."""
        self.pending.append(fault)

    def clear(self) -> None:
        """Let everything work again."""
        self.pending.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault of this request, counted down."""
        for fault in self.pending:
            if fault.matches(method, path):
                fault.count -= 1
                if fault.count <= 0:
                    self.pending.remove(fault)
                return fault
        return None
