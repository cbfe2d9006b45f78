"""The shape of a webhook endpoint (https://docs.stripe.com/api/webhook_endpoints/object)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from payments.mirror.parsing import BadPayload, listed, required_word, text, word
from payments.mirror.specs import Fields, Spec
from payments.models import WebhookEndpoint


def parse_endpoint(obj: Mapping[str, Any]) -> Fields:
    events = listed(obj, "enabled_events")
    if not all(isinstance(name, str) for name in events):
        raise BadPayload("enabled_events has something that is no type of event")
    return {
        "url": text(obj, "url"),
        "status": required_word(obj, "status"),
        "enabled_events": sorted(events),
        "sends_version": word(obj, "api_version"),
    }


SPECS = [Spec(model=WebhookEndpoint, parse=parse_endpoint, deletable=True)]
