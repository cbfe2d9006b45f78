"""Form bodies with nested names, as Stripe's API takes them: ``a[b][0][c]=1``."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")

# Maps whose keys are the caller's own: "0" is a name there and never a position.
_FREE_MAPS = frozenset({"metadata"})


def parse_form(text: str) -> dict[str, Any]:
    """The nested parameters of a form body or query string; leaves are strings."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = _NAME.match(name)
        parts = [match.group(1), *_PART.findall(match.group(2))] if match else [name]
        _place(root, parts, value)
    return {key: _with_lists(key, value) for key, value in root.items()}


def _place(root: dict[str, Any], parts: list[str], value: str) -> None:
    node = root
    for part in parts[:-1]:
        key = part if part else str(len(node))
        child = node.get(key)
        if not isinstance(child, dict):
            child = {}
            node[key] = child
        node = child
    last = parts[-1]
    node[last if last else str(len(node))] = value


def _with_lists(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if name not in _FREE_MAPS and value and all(key.isdigit() for key in value):
        return [_with_lists("", value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(key, child) for key, child in value.items()}
