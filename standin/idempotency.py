"""Idempotency keys (https://docs.stripe.com/api/idempotent_requests)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from .errors import ApiError


@dataclass
class Saved:
    """What a key stands for: the request, and its answer once there is one."""

    fingerprint: str
    created: int
    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class IdempotencyKeys:
    """Keys by account mode, with the answers they replay."""

    def __init__(self) -> None:
        self.saved: dict[str, Saved] = {}

    def claim(self, key: str, fingerprint: str, now: int) -> Saved | None:
        """The answer to replay, or ``None`` and the key is claimed.

        400 ``idempotency_error`` for other parameters, 409 while the first request still runs.
        """
        found = self.saved.get(key)
        if found is None:
            self.saved[key] = Saved(fingerprint, now)
            return None
        if found.fingerprint != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they "
                f"were first used with. Try using a key other than '{_shown(key)}' if you meant "
                "to execute a different request."
            )
            raise ApiError(400, message, type_="idempotency_error", saved=False)
        if found.status is None:
            message = (
                f"There is currently another in-progress request using this Idempotency Key "
                f"({_shown(key)}). Please try again later."
            )
            raise ApiError(
                409,
                message,
                type_="idempotency_error",
                code="idempotency_key_in_use",
                saved=False,
            )
        return found

    def keep(self, key: str, status: int, body: str, headers: dict[str, str]) -> None:
        """Save the answer of a claimed key."""
        saved = self.saved[key]
        saved.status, saved.body, saved.headers = status, body, headers

    def release(self, key: str) -> None:
        """Give a claimed key up: its request never began to execute."""
        self.saved.pop(key, None)

    def prune(self, before: int | None = None) -> int:
        """Forget keys made before a time, or all of them; answers how many."""
        old = [key for key, saved in self.saved.items() if before is None or saved.created < before]
        for key in old:
            del self.saved[key]
        return len(old)


def _shown(key: str) -> str:
    return key.partition(":")[2]


def fingerprint(method: str, path: str, params: Any) -> str:
    """What two requests share when they are the same request."""
    text = f"{method} {path} {sorted(_flat('', params))}"
    return hashlib.sha256(text.encode()).hexdigest()


def _flat(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, child in value.items() for pair in _flat(f"{name}[{key}]", child)]
    if isinstance(value, list):
        return [pair for n, child in enumerate(value) for pair in _flat(f"{name}[{n}]", child)]
    return [(name, str(value))]
