"""State on disk: written whole and atomically, so that a crash leaves the last good one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .api import Api
from .clock import Clock
from .errors import Obj, RefusedToStartError
from .events import RETENTION, Event
from .idempotency import Saved
from .world import World

FORMAT = 1


def save(path: Path, api: Api, clock: Clock, run: int) -> None:
    """Write everything but settings, keys and faults to ``path``."""
    with api.lock:
        state: Obj = {
            "format": FORMAT,
            "run": run,
            "clock": clock.frozen,
            "idempotency": {
                key: asdict(saved)
                for key, saved in api.idempotency.saved.items()
                if saved.status is not None
            },
            "worlds": {
                "live" if live else "test": _world_state(world)
                for live, world in api.worlds.items()
            },
        }
        text = json.dumps(state, separators=(",", ":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load(path: Path, api: Api, clock: Clock) -> int:
    """Read what ``save`` wrote; answers the number of this run (0 when there is no file)."""
    if not path.exists():
        return 0
    try:
        state: Obj = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RefusedToStartError(f"{path} isn't a state file ({error}): delete it.") from error
    if state.get("format") != FORMAT:
        raise RefusedToStartError(f"{path} was written by another version: delete it.")
    clock.set(state["clock"])
    for key, saved in state["idempotency"].items():
        api.idempotency.saved[key] = Saved(**saved)
    for live, world in api.worlds.items():
        _restore(world, state["worlds"]["live" if live else "test"])
    return int(state["run"]) + 1


def _world_state(world: World) -> Obj:
    oldest = world.now - RETENTION
    return {
        "objects": {
            kind: list(collection.items.values()) for kind, collection in world.collections.items()
        },
        "deleted": world.deleted,
        "notes": world.notes,
        "balances": world.balances,
        "maturing": world.maturing,
        "unpaid": {currency: list(ids) for currency, ids in world.unpaid.items()},
        "by_payout": world.by_payout,
        "due": world.due,
        "next_outcomes": world.next_outcomes,
        "counters": world.counters,
        "events": [asdict(event) for event in world.log.all if event.created >= oldest],
    }


def _restore(world: World, state: Mapping[str, Any]) -> None:
    for kind, objects in state["objects"].items():
        for obj in objects:
            world.collections[kind].add(obj)
            world.kinds[obj["id"]] = kind
    transactions = world.collections["balance_transaction"].items
    for dispute in world.collections["dispute"].items.values():
        # One object in two places, as before: it becomes available in both.
        dispute["balance_transactions"] = [
            transactions[entry["id"]] for entry in dispute["balance_transactions"]
        ]
    world.deleted = state["deleted"]
    world.notes = state["notes"]
    world.balances = state["balances"]
    world.maturing = [(entry[0], entry[1]) for entry in state["maturing"]]
    world.unpaid = {currency: dict.fromkeys(ids) for currency, ids in state["unpaid"].items()}
    world.by_payout = state["by_payout"]
    world.due = [(entry[0], entry[1], entry[2], entry[3]) for entry in state["due"]]
    world.next_outcomes = state["next_outcomes"]
    world.counters = state["counters"]
    for position, fields in enumerate(state["events"]):
        world.log.append(Event(**{**fields, "position": position}))
