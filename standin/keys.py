"""API keys: secret ones of either mode, and restricted ones with a scope per resource."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from .errors import ApiError

READ, WRITE = "read", "write"


@dataclass(frozen=True)
class Key:
    """A key; ``scopes`` is ``None`` when it may do everything."""

    value: str
    scopes: dict[str, str] | None = field(default=None)

    @property
    def livemode(self) -> bool:
        """Whether it opens the live mode."""
        return "_live_" in self.value

    def allows(self, resource: str, access: str) -> bool:
        """Whether it may ``read`` or ``write`` a resource; writing includes reading."""
        if self.scopes is None:
            return True
        granted = self.scopes.get(resource)
        if granted is None and resource == "refund":
            # The Dashboard has one row for "Charges and Refunds".
            granted = self.scopes.get("charge")
        if granted is None:
            granted = self.scopes.get("*", "none")
        return granted in (WRITE, access)


class KeyRing:
    """The keys that the stand-in knows."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}

    def add(self, value: str, scopes: dict[str, str] | None = None) -> Key:
        """Accept a key from now on; an ``rk_`` key needs its scopes."""
        if not value.startswith(("sk_test_", "sk_live_", "rk_test_", "rk_live_")):
            raise ValueError("A key begins with sk_test_, sk_live_, rk_test_ or rk_live_.")
        restricted = value.startswith("rk_")
        self.keys[value] = Key(value, dict(scopes or {}) if restricted else None)
        return self.keys[value]

    def revoke(self, value: str) -> None:
        """Refuse a key from now on."""
        self.keys.pop(value, None)

    def authenticate(self, header: str | None) -> Key:
        """The key of an ``Authorization`` header, Bearer or Basic; 401 otherwise."""
        given = _key_of(header or "")
        if not given:
            message = (
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY')."
            )
            raise ApiError(401, message, saved=False)
        key = self.keys.get(given)
        if key is None:
            message = f"Invalid API Key provided: {_masked(given)}"
            raise ApiError(401, message, saved=False)
        return key


def _key_of(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return decoded.partition(":")[0]
    return ""


def _masked(key: str) -> str:
    return key[:8] + "*" * max(len(key) - 12, 4) + key[-4:]


def require(key: Key, resource: str, access: str, account: str) -> None:
    """403 that names the missing permission, such as ``rak_charge_read``."""
    if key.allows(resource, access):
        return
    permission = f"rak_{resource}_{access}"
    message = (
        f"The provided key '{_masked(key.value)}' does not have the required permissions for "
        f"this endpoint on account '{account}'. Having the '{permission}' permission would "
        "allow this request to continue."
    )
    raise ApiError(403, message, saved=False)
