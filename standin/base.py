"""What the parts of the stand-in's Python interface share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from .api import Api, copied
from .clock import Clock
from .errors import ApiError, Obj
from .webhooks import Deliverer
from .world import World

P = ParamSpec("P")


class Base:
    """Access to the state for the groups of control operations."""

    api_side: Api
    clock: Clock
    deliverer: Deliverer
    world: World

    def get(self, id_: str) -> Obj:
        """Any object by its id, as it is now; :class:`ApiError` 404 for an unknown one."""
        with self.world.lock:
            found = self.world.find(id_)
            if found is None:
                raise ApiError(404, f"No such object: '{id_}'", code="resource_missing")
            return cast(Obj, copied(found))

    def _act(
        self,
        kind: str,
        id_: str,
        action: Callable[Concatenate[World, Obj, P], Any],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Any:
        """Do something to an object under the lock; a copy of what comes of it."""
        with self.world.lock:
            self.api_side.changed = True
            return copied(action(self.world, self.world.get(kind, id_), *args, **kwargs))
