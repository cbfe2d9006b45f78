"""A small stateful stand-in for Stripe's API, for the demo and for tests."""

from .errors import ApiError, RefusedToStartError
from .standin import StandIn
from .webhooks import signature

__all__ = ["ApiError", "RefusedToStartError", "StandIn", "signature"]
