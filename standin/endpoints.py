"""Webhook endpoints as API objects; their secrets and versions steer the deliveries."""

from __future__ import annotations

from typing import Any

from .errors import Obj, bad_parameter
from .params import Params, boolean, merged_metadata, required_text, sequence, text
from .webhooks import Endpoint
from .world import World


def add_endpoint(
    world: World,
    url: str,
    secrets: list[str],
    *,
    enabled_events: list[str] | None = None,
    api_version: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """A new endpoint; ``api_version`` null stands for the account's own."""
    if not url.startswith("http://"):
        message = "The stand-in delivers over plain http on this machine only."
        raise bad_parameter(message, "url", "url_invalid")
    endpoint: Obj = {
        "id": world.ids.new("we_"),
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": None,
        "created": world.now,
        "description": description,
        "enabled_events": list(enabled_events or ["*"]),
        "livemode": world.livemode,
        "metadata": metadata or {},
        "status": "enabled",
        "url": url,
    }
    world.add(endpoint, {"secrets": list(secrets)})
    return endpoint


def as_target(world: World, endpoint: Obj) -> Endpoint:
    """What the deliverer needs to know of an endpoint."""
    return Endpoint(
        id=endpoint["id"],
        url=endpoint["url"],
        secrets=list(world.notes[endpoint["id"]]["secrets"]),
        livemode=endpoint["livemode"],
        enabled_events=list(endpoint["enabled_events"]),
        api_version=endpoint["api_version"],
        enabled=endpoint["status"] == "enabled",
    )


def create(world: World, params: Params) -> Obj:
    """``POST /v1/webhook_endpoints``: the only answer that shows the secret."""
    secret = world.ids.new("whsec_", 32)
    endpoint = add_endpoint(
        world,
        required_text(params, "url"),
        [secret],
        enabled_events=[str(name) for name in sequence(params, "enabled_events")],
        api_version=text(params, "api_version"),
        description=text(params, "description"),
        metadata=merged_metadata({}, params),
    )
    world.notify("endpoints", endpoint)
    return {**endpoint, "secret": secret}


def update(world: World, endpoint: Obj, params: Params) -> Obj:
    """``POST /v1/webhook_endpoints/:id``."""
    changes: dict[str, Any] = {"metadata": merged_metadata(endpoint["metadata"], params)}
    for name in ("url", "description"):
        if name in params:
            changes[name] = text(params, name)
    if "enabled_events" in params:
        changes["enabled_events"] = [str(name) for name in sequence(params, "enabled_events")]
    if "disabled" in params:
        changes["status"] = "disabled" if boolean(params, "disabled") else "enabled"
    world.change(endpoint, **changes)
    world.notify("endpoints", endpoint)
    return endpoint


def delete(world: World, endpoint: Obj) -> Obj:
    """``DELETE /v1/webhook_endpoints/:id``."""
    left = world.remove(endpoint)
    world.notify("endpoints", endpoint)
    return left
