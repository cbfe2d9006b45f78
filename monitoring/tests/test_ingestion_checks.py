"""What the checks of what Stripe tells find, and what they let pass."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from config.tests.rows import build, our_models
from monitoring.models import Severity
from monitoring.tests.finding import findings
from monitoring.tests.rows import payment
from monitoring.tests.telling import ADDRESS, DAY, endpoint, tell, told, webhook_worked
from payments import inbox, processing, reading, sync
from payments.endpoints import EVENTS
from payments.models import (
    BalanceTransaction,
    Charge,
    Customer,
    MirrorObject,
    Price,
    Source,
    StripeEvent,
    WebhookEndpoint,
)
from payments.tests import stripe_events
from standin import StandIn

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def standin(settings: Settings) -> Any:
    with StandIn() as serving:
        settings.STRIPE_API_KEY = serving.secret_key
        settings.STRIPE_API_BASE = serving.url
        yield serving


def ago(**values: int) -> int:
    return int((timezone.now() - timedelta(**values)).timestamp())


def listed(*events: dict[str, Any]) -> None:
    inbox.store(events, Source.LISTED)


def test_an_event_has_an_hour_to_be_delivered() -> None:
    webhook_worked()
    listed(told(created=ago(minutes=59)))
    assert findings("events_undelivered") == []
    [found] = findings("events_undelivered", timezone.now() + timedelta(minutes=2))
    assert found.evidence["not delivered"] == 1
    assert found.evidence["customer.created"] == 1


def test_what_was_listed_before_stripe_delivered_anything_could_not_be_delivered() -> None:
    listed(told())
    assert findings("events_undelivered") == []
    webhook_worked(timedelta(minutes=30))
    assert findings("events_undelivered") == []
    webhook_worked(3 * HOUR)
    assert len(findings("events_undelivered")) == 1


def test_an_endpoint_that_never_delivered_is_found_by_its_age() -> None:
    listed(told())
    endpoint(created=timezone.now() - HOUR)
    assert findings("events_undelivered") == []
    WebhookEndpoint.objects.update(created=timezone.now() - 3 * HOUR)
    assert len(findings("events_undelivered")) == 1
    WebhookEndpoint.objects.update(url="https://countinghouse.example/elsewhere/")
    assert findings("events_undelivered") == []


def test_types_that_nobody_subscribed_to_are_not_expected() -> None:
    webhook_worked()
    listed(told(type_="customer.source.created"))
    assert findings("events_undelivered") == []
    listed(told("2"))
    assert len(findings("events_undelivered")) == 1
    endpoint(enabled_events=[name for name in EVENTS if name != "customer.created"])
    assert findings("events_undelivered") == []


def test_a_delivery_after_all_ends_it_and_time_does() -> None:
    webhook_worked()
    listed(told("1"), told("2"))
    [found] = findings("events_undelivered")
    assert found.summary.startswith("2 events were not delivered by Stripe")
    inbox.receive(stripe_events.body(told("1")))
    [found] = findings("events_undelivered")
    assert found.evidence["not delivered"] == 1
    assert findings("events_undelivered", timezone.now() + timedelta(days=3, minutes=1)) == []


def test_deliveries_that_fail_are_found_from_end_to_end(standin: StandIn) -> None:
    standin.add_webhook("http://127.0.0.1:9/stripe/webhook/", "whsec_1")
    standin.webhook_mode(drop=True)
    standin.create_payment(1_000)
    sync.catch_up()
    assert findings("events_undelivered") == []
    [found] = findings("events_undelivered", timezone.now() + timedelta(minutes=61))
    assert found.evidence["charge.succeeded"] == 1


def two_of_one_second() -> None:
    """Two events that contradict each other, and nothing says which came last."""
    at = ago(hours=3)
    for key in ("a", "b"):
        changed = stripe_events.customer("cus_1", name=key)
        tell(stripe_events.event("customer.updated", changed, id=f"evt_{key}", created=at))
    processing.drain()


def test_what_stays_a_guess_for_an_hour_is_found_and_reading_it_again_ends_it(
    standin: StandIn,
) -> None:
    made = standin.api("POST", "/v1/customers", {"name": "Ada"})
    at = ago(hours=3)
    for key in ("a", "b"):
        changed = stripe_events.customer(made["id"], name=key)
        tell(stripe_events.event("customer.updated", changed, id=f"evt_{key}", created=at))
    processing.drain()
    assert Customer.objects.get().ambiguous
    assert findings("object_ambiguous") == []
    later = timezone.now() + timedelta(minutes=61)
    [found] = findings("object_ambiguous", later)
    assert (found.subject_type, found.subject_id) == ("payments.customer", made["id"])
    assert found.evidence["observations"] == 2
    assert found.evidence["to be read since"] != {"at": None}
    reading.drain()
    processing.drain()
    assert Customer.objects.get().name == "Ada"
    assert findings("object_ambiguous", later) == []


def test_a_read_that_fails_says_why() -> None:
    two_of_one_second()
    from payments.models import ReadRequest

    ReadRequest.objects.update(error="no such customer")
    [found] = findings("object_ambiguous", timezone.now() + timedelta(minutes=61))
    assert found.evidence["error of the last try"] == "no such customer"


def test_every_mirrored_object_has_an_index_over_those_that_are_ambiguous() -> None:
    mirrored = [model for model in our_models() if issubclass(model, MirrorObject)]
    assert len(mirrored) > 14
    for model in mirrored:
        names = {index.name for index in model._meta.indexes}
        assert f"{model._meta.model_name}_ambiguous" in names, model


@pytest.mark.parametrize("type_", ["customer.created", "customer.subscription.trial_will_end"])
def test_types_that_the_sdk_knows_are_known(type_: str) -> None:
    tell(told(type_=type_))
    assert findings("event_type_unknown") == []


def test_an_unknown_type_of_an_object_that_is_not_mirrored_is_nobodys_business() -> None:
    tell(stripe_events.event("topup.teleported", {"id": "tu_1", "object": "topup"}))
    assert findings("event_type_unknown") == []


def test_a_read_has_no_type_of_stripes() -> None:
    read = inbox.read_observation(
        stripe_events.customer(), as_of=timezone.now(), api_version="2026-10-28.endive"
    )
    inbox.store([read], Source.READ)
    assert findings("event_type_unknown") == []


def test_kinds_are_counted_over_versions_and_modes() -> None:
    for key, version in (("1", "2025-09-30.clover"), ("2", "2026-10-28.endive")):
        tell(told(key, "customer.teleported", version=version))
    tell(told("3", "charge.beamed", version="2031-01-01.zebra"))
    found = {one.subject_id: one.evidence["events"] for one in findings("event_type_unknown")}
    assert found == {"customer.teleported": 2, "charge.beamed": 1}
    assert [one.subject_id for one in findings("api_version_unknown")] == ["2031-01-01.zebra"]


@pytest.mark.parametrize("version", ["", "2017-08-15", "2025-03-31.basil", "2026-10-28.endive"])
def test_every_version_until_now_is_known(version: str) -> None:
    tell(told(version=version))
    assert findings("api_version_unknown") == []


def test_values_are_found_by_column_and_word() -> None:
    build(Price, id="price_1", interval="decade", usage_type="wishful")
    build(Price, id="price_2", interval="decade")
    build(Price, id="price_3", interval="", usage_type="")
    payment(status="maybe")
    found = {one.subject_id: one.evidence["objects"] for one in findings("value_unknown")}
    assert found == {
        "charge.status maybe": 1,
        "price.interval decade": 2,
        "price.usage_type wishful": 1,
    }


def test_an_unknown_reporting_category_is_found() -> None:
    build(BalanceTransaction, reporting_category="wormhole")
    [found] = findings("value_unknown")
    assert found.subject_id == "balance_transaction.reporting_category wormhole"


def test_what_the_stand_in_says_is_known(standin: StandIn) -> None:
    intent = standin.create_payment(5_000)
    standin.create_dispute(intent["latest_charge"])
    standin.api("POST", "/v1/refunds", {"charge": standin.create_payment(900)["latest_charge"]})
    sync.sync()
    assert Charge.objects.count() == 2
    for name in ("event_type_unknown", "api_version_unknown", "value_unknown", "modes_mixed"):
        assert findings(name) == [], name


def test_the_mode_of_the_key_is_the_right_one(settings: Settings) -> None:
    tell(told(livemode=True))
    assert findings("modes_mixed") == []  # without a key, live data alone is as it should be
    settings.STRIPE_API_KEY = "rk_live_1"
    assert findings("modes_mixed") == []
    settings.STRIPE_API_KEY = "rk_test_1"
    [found] = findings("modes_mixed")
    assert found.summary == "1 live event where test-mode data belongs"


def test_test_data_alone_is_a_test() -> None:
    tell(told(livemode=False))
    assert findings("modes_mixed") == []


def test_mixed_modes_tell_what_the_wrong_one_captured() -> None:
    tell(told("1", livemode=True), told("2"), told("3"))
    payment("right", livemode=True)
    payment("wrong", livemode=False, amount=700)
    [found] = findings("modes_mixed")
    assert found.summary == "2 test-mode events where live data belongs"
    assert (found.amount_minor, found.currency) == (700, "eur")
    payment("other", livemode=False, amount=900, currency="usd")
    [found] = findings("modes_mixed")
    assert (found.amount_minor, found.currency) == (None, "")
    assert len(found.evidence["captured by them"]) == 2


def test_events_of_other_accounts_are_told_by_account_for_a_week(settings: Settings) -> None:
    settings.STRIPE_ACCOUNT = "acct_ours"
    tell(told("1", account="acct_a"), told("2", account="acct_a"), told("3", account="acct_b"))
    tell(told("4", account="acct_ours"), told("5"))
    found = {one.subject_id: one.evidence["events"] for one in findings("event_of_another_account")}
    assert found == {"acct_a": 2, "acct_b": 1}
    assert findings("event_of_another_account", timezone.now() + timedelta(days=8)) == []


def test_what_another_account_sends_is_neither_unknown_nor_of_a_mode() -> None:
    tell(told(livemode=True))
    foreign = told("2", "customer.teleported", version="2031-01-01.zebra", account="acct_other")
    tell({**foreign, "livemode": False})
    for name in ("event_type_unknown", "api_version_unknown", "modes_mixed"):
        assert findings(name) == [], name


def test_without_any_endpoint_nothing_is_missed() -> None:
    assert findings("webhook_endpoint_disabled") == []
    assert findings("webhook_events_missing") == []


def test_an_endpoint_of_somebody_else_is_none_of_ours() -> None:
    endpoint(url="https://shop.example/hooks/", status="disabled")
    assert findings("webhook_endpoint_disabled") == []


def test_one_that_is_disabled_beside_one_that_works_is_only_untidy() -> None:
    endpoint("1", status="disabled")
    endpoint("2")
    [found] = findings("webhook_endpoint_disabled")
    assert (found.subject_id, found.severity) == ("we_1", Severity.LOW)


def test_one_that_was_deleted_is_missed_only_where_none_is_left() -> None:
    endpoint("1", deleted=True, created=timezone.now() - 90 * DAY)
    endpoint("2")
    assert findings("webhook_endpoint_disabled") == []
    WebhookEndpoint.objects.filter(pk="we_2").update(deleted=True)
    [found] = findings("webhook_endpoint_disabled")
    assert (found.subject_id, found.severity) == ("we_2", None)
    assert found.summary == f"The webhook endpoint {ADDRESS} is deleted"


def test_endpoints_of_the_other_mode_are_left_out(settings: Settings) -> None:
    endpoint(status="disabled")
    settings.STRIPE_API_KEY = "rk_live_1"
    assert findings("webhook_endpoint_disabled") == []
    settings.STRIPE_API_KEY = "rk_test_1"
    assert len(findings("webhook_endpoint_disabled")) == 1


def test_an_endpoint_that_stripe_disables_is_found_from_end_to_end(standin: StandIn) -> None:
    made = standin.add_webhook("http://127.0.0.1:9/stripe/webhook/", "whsec_1")
    standin.set_webhook(made["id"], disabled=True)
    sync.catch_up()
    [found] = findings("webhook_endpoint_disabled")
    assert found.subject_id == made["id"]
    standin.api("DELETE", f"/v1/webhook_endpoints/{made['id']}")
    sync.catch_up()
    [found] = findings("webhook_endpoint_disabled")
    assert found.evidence["status"] == "deleted"


def test_two_endpoints_may_share_the_types() -> None:
    half = len(EVENTS) // 2
    endpoint("1", enabled_events=list(EVENTS[:half]))
    [found] = findings("webhook_events_missing")
    assert found.evidence["not sent"] == sorted(EVENTS[half:])
    endpoint("2", enabled_events=list(EVENTS[half:]))
    assert findings("webhook_events_missing") == []


def versions(*told: tuple[timedelta, str]) -> None:
    for before, version in told:
        webhook_worked(before, api_version=version)


OLD, NEW = "2025-09-30.clover", "2026-10-28.endive"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(10 * DAY, OLD), (DAY, OLD)], 0),
        ([(10 * DAY, OLD), (8 * DAY, NEW), (DAY, NEW)], 0),  # a week ago it was the new one
        ([(10 * DAY, OLD), (6 * DAY, NEW), (DAY, NEW)], 1),
        ([(3 * DAY, OLD), (DAY, NEW)], 1),  # installed this week
        ([(3 * DAY, NEW)], 0),
        ([], 0),
    ],
)
def test_another_version_is_told_for_a_week(
    told: list[tuple[timedelta, str]], expected: int
) -> None:
    versions(*told)
    found = findings("webhook_version_changed")
    assert len(found) == expected
    if found:
        assert (found[0].evidence["version before"], found[0].evidence["version now"]) == (OLD, NEW)


def test_what_was_listed_or_read_says_nothing_of_the_endpoints_version() -> None:
    versions((3 * DAY, OLD), (2 * DAY, OLD))
    webhook_worked(DAY, source="listed", api_version=NEW)
    webhook_worked(DAY, object_type="", object_id="", api_version=NEW)
    assert findings("webhook_version_changed") == []
    assert StripeEvent.objects.count() == 4


def test_moments_are_aware() -> None:
    tell(told(account="acct_other"))
    [found] = findings("event_of_another_account")
    assert datetime.fromisoformat(found.evidence["last received"]["at"]).tzinfo is not None
