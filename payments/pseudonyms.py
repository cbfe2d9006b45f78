"""What stands in the place of an erased address."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings

# A name that can't exist: https://www.rfc-editor.org/rfc/rfc2606#section-2.
DOMAIN = "@erased.invalid"


def keyed(address: str) -> str:
    """A digest of the address, case and surrounding space aside, that tells it to nobody who hasn't
    ``ERASURE_KEY``: 32 hexadecimal digits."""
    text = address.strip().lower()
    return hmac.new(settings.ERASURE_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def pseudonym(address: str) -> str:
    """What an address becomes: the same for the same one, so that who was known as one buyer stays
    one. Empty stays empty, and a pseudonym is its own."""
    if not address or is_pseudonym(address):
        return address
    return f"erased-{keyed(address)}{DOMAIN}"


def is_pseudonym(address: str) -> bool:
    """Whether it stands for an erased address."""
    return address.startswith("erased-") and address.endswith(DOMAIN)
