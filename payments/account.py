"""What a key, and the webhook endpoints of its account, are good for; without side effects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

import stripe
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from payments import balance
from payments.client import Json, get, livemode, pages, refusal, stripe_client
from payments.endpoints import EVENTS, PATH, leads_here, not_sent
from payments.resources import RESOURCES

# Writes are tried on an object that can't exist, with a parameter that can't either: whoever may
# write is told so, who may not is refused before that.
NOBODY = "countinghouse_permission_probe"
WRITABLE = (
    "charges",
    "coupons",
    "customers",
    "disputes",
    "invoices",
    "payment_intents",
    "payouts",
    "prices",
    "products",
    "refunds",
    "subscriptions",
)
PERMISSION = re.compile(r"\brak_\w+")
ACCOUNT = re.compile(r"\bacct_\w+")
CLOCK_MAY_DIFFER = timedelta(seconds=30)


class Access(Enum):
    """What a key may do with a kind of object, as far as it could be found out."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "?"


@dataclass(frozen=True)
class Ability:
    """Whether the key may read, and write, one resource; ``missing`` is the permission to read that
    it lacks, or Stripe's answer where that names none."""

    resource: str
    read: Access
    write: Access
    missing: str = ""


@dataclass(frozen=True)
class EndpointState:
    """A webhook endpoint of the account; ``ours`` if its address is this application's."""

    url: str
    enabled: bool
    ours: bool
    api_version: str
    missing: tuple[str, ...]
    beyond: tuple[str, ...]


@dataclass
class Inspection:
    """What was found: ``problems`` must be put right, ``warnings`` should be looked at."""

    livemode: bool
    restricted: bool
    account: str = ""
    api_version: str = stripe.api_version
    abilities: list[Ability] = field(default_factory=list)
    endpoints: list[EndpointState] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def inspect(client: stripe.StripeClient | None = None) -> Inspection:
    """Try the key on everything that is read, and look at the webhook endpoints.

    Raises:
        NotConfigured: there is no key.
        stripe.AuthenticationError: it isn't valid.
        stripe.APIConnectionError: Stripe can't be reached.
    """
    client = client or stripe_client()
    key = settings.STRIPE_API_KEY
    found = Inspection(livemode=livemode(), restricted=key.startswith("rk_"))
    found.account = _account(client, found)
    for name, resource in RESOURCES.items():
        read, missing = _may_read(client, resource.path, {"limit": 1})
        write = Access.NO if name not in WRITABLE else Access.YES
        if found.restricted and name in WRITABLE:
            write = _may_write(client, resource.path)
        found.abilities.append(Ability(name, read, write, missing))
    read, missing = _may_read(client, balance.PATH, {})
    found.abilities.append(Ability("balance", read, Access.NO, missing))
    _judge_abilities(found)
    _look_at_endpoints(client, found)
    return found


def _account(client: stripe.StripeClient, found: Inspection) -> str:
    """The account's id; a refusal names it too. Empty where neither is so."""
    try:
        answer = get(client, "/v1/account")
    except (stripe.AuthenticationError, stripe.APIConnectionError):
        raise
    except stripe.StripeError as error:
        named = ACCOUNT.search(refusal(error))
        return named[0] if named else ""
    _compare_clocks(answer.headers.get("Date", ""), answer.as_of, found)
    account = str(answer.body.get("id", ""))
    if settings.STRIPE_ACCOUNT and account != settings.STRIPE_ACCOUNT:
        found.problems.append(
            f"The key is for {account}, but STRIPE_ACCOUNT is {settings.STRIPE_ACCOUNT}: "
            "the account's events are refused."
        )
    return account


def _compare_clocks(date: str, asked: datetime, found: Inspection) -> None:
    """A read counts as of its start by our clock, events by Stripe's: they must agree."""
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return
    ahead = max(asked - theirs, theirs - timezone.now())
    if ahead > CLOCK_MAY_DIFFER:
        found.warnings.append(
            f"This machine's clock and Stripe's differ by {ahead.total_seconds():.0f} s; "
            "signatures are refused from 300 s on."
        )


def _may_read(
    client: stripe.StripeClient, path: str, params: Mapping[str, int]
) -> tuple[Access, str]:
    try:
        get(client, path, params)
    except stripe.PermissionError as error:
        named = PERMISSION.findall(refusal(error))
        return Access.NO, ", ".join(dict.fromkeys(named)) or refusal(error)
    except stripe.StripeError as error:
        return Access.UNKNOWN, refusal(error)
    return Access.YES, ""


def _may_write(client: stripe.StripeClient, path: str) -> Access:
    try:
        client.raw_request("post", f"{path}/{NOBODY}", **{NOBODY: "1"})
    except stripe.PermissionError:
        return Access.NO
    except stripe.InvalidRequestError as error:
        told = error.code in ("resource_missing", "parameter_unknown")
        return Access.YES if told else Access.UNKNOWN
    except stripe.StripeError:
        return Access.UNKNOWN
    return Access.UNKNOWN


def _judge_abilities(found: Inspection) -> None:
    for ability in found.abilities:
        if ability.read is not Access.YES:
            found.problems.append(f"{ability.resource} can't be read: {ability.missing}")
    writes = [a.resource for a in found.abilities if a.write is Access.YES]
    if not found.restricted:
        found.warnings.append(
            "This is a full secret key. Use a restricted key that may only read, and write refunds "
            "if they are to be asked for here, and payment intents and Checkout sessions if unpaid "
            "orders are to be canceled here."
        )
        return
    # Canceling an order cancels its open payment. Stripe's dashboard grants the other two with one
    # permission, *Charges and Refunds*.
    wanted = {"payment_intents", *(("refunds", "charges") if "refunds" in writes else ())}
    needless = [name for name in writes if name not in wanted]
    if needless:
        found.warnings.append(f"The key may write {', '.join(needless)}, and needn't.")
    if "refunds" not in writes:
        found.warnings.append("The key may not write refunds: none can be asked for here.")


def _look_at_endpoints(client: stripe.StripeClient, found: Inspection) -> None:
    try:
        for page in pages(client, PATH):
            found.endpoints.extend(_state(endpoint) for endpoint in page.objects)
    except stripe.StripeError as error:
        named = ", ".join(PERMISSION.findall(refusal(error))) or refusal(error)
        found.warnings.append(f"The webhook endpoints can't be looked at: {named}")
        return
    ours = [endpoint for endpoint in found.endpoints if endpoint.ours]
    if not any(endpoint.enabled for endpoint in ours):
        found.problems.append(
            f"No enabled webhook endpoint leads to {reverse('stripe-webhook')} of this application."
        )
    found.problems.extend(_endpoint_problems(ours))
    found.warnings.extend(_endpoint_warnings(ours))


def _state(endpoint: Json) -> EndpointState:
    enabled: list[Any] = endpoint.get("enabled_events") or []
    url = str(endpoint.get("url", ""))
    return EndpointState(
        url=url,
        enabled=endpoint.get("status") == "enabled",
        ours=leads_here(url),
        api_version=endpoint.get("api_version") or "",
        missing=not_sent(enabled),
        beyond=tuple(sorted(str(name) for name in enabled if name not in EVENTS)),
    )


def _endpoint_problems(ours: list[EndpointState]) -> Iterator[str]:
    for endpoint in ours:
        if not endpoint.enabled:
            yield f"{endpoint.url} is disabled."
        if endpoint.missing:
            yield f"{endpoint.url} doesn't send {', '.join(endpoint.missing)}."


def _endpoint_warnings(ours: list[EndpointState]) -> Iterator[str]:
    for endpoint in ours:
        if endpoint.beyond:
            yield f"{endpoint.url} sends what nobody handles: {', '.join(endpoint.beyond)}."
        if endpoint.api_version != stripe.api_version:
            version = endpoint.api_version or "the account's default version"
            yield (
                f"{endpoint.url} sends {version}, while reads come in {stripe.api_version}. "
                "Both are understood; one version is easier to follow."
            )
