"""Ids as Stripe writes them: a prefix and 24 base62 characters, repeatable by seed."""

from __future__ import annotations

import random

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Every byte becomes a letter or digit: far quicker than choosing them one by one.
_TO_BASE62 = bytes(ord(_ALPHABET[byte % 62]) for byte in range(256))


class IdFactory:
    """A stream of ids that is the same for the same seed and the same calls."""

    def __init__(self, seed: int = 0, run: int = 0) -> None:
        self.seed = seed
        self.run = run
        # A run after a restart has a stream of its own: no id is ever given twice.
        self._random = random.Random(f"standin:{seed}:{run}")

    def new(self, prefix: str, length: int = 24) -> str:
        """A fresh id, such as ``ch_`` and 24 characters."""
        return prefix + self._random.randbytes(length).translate(_TO_BASE62).decode()
