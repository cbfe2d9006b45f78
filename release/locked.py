"""The packages that a lock names, and those of them that this platform takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\\n]+))?", re.M
)


@dataclass(frozen=True, order=True)
class Pin:
    """One package at one version; ``here``: it is installed on this Python and platform."""

    name: str
    version: str
    here: bool


def pins(lock: Path) -> list[Pin]:
    """What ``lock`` pins, in its order, under canonical names."""
    return [
        Pin(
            canonicalize_name(found["name"]),
            found["version"],
            not found["marker"] or Marker(found["marker"].strip()).evaluate(),
        )
        for found in PIN.finditer(lock.read_text(encoding="utf-8"))
    ]
