"""Control over HTTP: ``POST /_control/<operation>`` with the arguments as JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .api import Answer
from .errors import ApiError, Obj
from .names import names

if TYPE_CHECKING:
    from .standin import StandIn

# The operations of the Python interface that another process may call.
OPERATIONS = frozenset(
    names(
        "add_fault add_fee add_key add_webhook advance advance_to api appeal_dispute "
        "authenticate_payment bill_due cancel_refund clear_faults complete_checkout create_dispute "
        "create_payment deliveries discard_held escalate_dispute events_since expire_checkout "
        "fail_refund finish_checkout finish_payment flush get move_payout next_invoice_payment "
        "next_refund payment_methods payout_now prune_idempotency_keys redeliver "
        "renew_subscription resolve_dispute retry_invoice revoke_key save send_event set_now "
        "set_rate set_settings set_webhook settle_captures settle_refunds state succeed_refund "
        "wait_idle webhook_mode"
    )
)


def respond(
    standin: StandIn, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """The answer to a control request: ``{"result": …}`` or Stripe's error shape."""
    name = urlsplit(target).path.removeprefix("/_control").strip("/")
    if method == "GET" and not name:
        return _answer(200, {"operations": _described(standin)})
    if name not in OPERATIONS:
        return _refused(404, f"No such control operation: {name!r}.")
    if method != "POST":
        return _refused(405, "Control operations are called with POST and a JSON body.")
    # A page in a browser can't send this type across origins without asking first.
    if body and not headers.get("Content-Type", "").startswith("application/json"):
        return _refused(415, "The body must be application/json.")
    try:
        arguments = json.loads(body) if body else {}
    except ValueError:
        return _refused(400, "The body isn't JSON.")
    if not isinstance(arguments, dict):
        return _refused(400, "The body must be an object of arguments.")
    operation = getattr(standin, name)
    try:
        inspect.signature(operation).bind(**arguments)
    except TypeError as error:
        return _refused(400, f"{name}: {error}.")
    try:
        return _answer(200, {"result": operation(**arguments)})
    except ApiError as error:
        return _answer(error.status, error.body())
    except (ValueError, TypeError, KeyError) as error:
        return _refused(400, f"{name}: {error}.")


def _described(standin: StandIn) -> Obj:
    described: Obj = {}
    for name in sorted(OPERATIONS):
        operation = getattr(standin, name)
        text = inspect.getdoc(operation) or ""
        described[name] = {
            "arguments": str(inspect.signature(operation)),
            "does": text.partition("\n")[0],
        }
    return described


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body))


def _refused(status: int, message: str) -> Answer:
    error = {"type": "invalid_request_error", "message": message}
    return _answer(status, {"error": error})
