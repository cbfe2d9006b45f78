"""``replay_events``: which events it processes again, and how it proves that nothing differs."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from auditlog.models import AuditEvent
from payments import inbox
from payments.management.commands.replay_events import Command
from payments.models import Customer, Source, StripeEvent
from payments.processing import drain
from payments.tests import stripe_events as make
from payments.tests.stripe_events import event

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """What ``replay_events`` prints."""
    output = io.StringIO()
    call_command("replay_events", *arguments, stdout=output, stderr=output)
    return output.getvalue().strip()


@pytest.fixture
def dead(settings: Any) -> StripeEvent:
    """An event that could not be understood, beside two that could."""
    settings.STRIPE_MAX_ATTEMPTS = 1
    good = [event("customer.created", make.customer(f"cus_{i}")) for i in (1, 2)]
    inbox.store([*good, event("charge.succeeded", make.charge(currency="EURO"))], Source.LISTED)
    drain()
    settings.STRIPE_MAX_ATTEMPTS = 8
    return StripeEvent.objects.get(status="dead")


def test_the_dead_are_tried_again_and_that_is_audited(dead: StripeEvent) -> None:
    assert run("--dead", "--reason", "mended") == "1 queued again; 0 processed, 1 failed, 0 dead"
    dead.refresh_from_db()
    assert (dead.status, dead.attempts) == ("failed", 1)
    audited = AuditEvent.objects.get(action="event.replay")
    assert (audited.actor_name, audited.reason) == ("job:replay_events", "mended")


def test_single_events_by_id_and_none_if_one_is_not_there(dead: StripeEvent) -> None:
    one = StripeEvent.objects.filter(status="processed").earliest("id")
    with pytest.raises(CommandError, match="not in the inbox: evt_nowhere"):
        run("--id", one.stripe_id, "--id", "evt_nowhere")
    assert not AuditEvent.objects.exists()
    Customer.objects.filter(pk=one.object_id).update(name="Mallory")
    assert run("--id", one.stripe_id) == "1 queued again; 1 processed, 0 failed, 0 dead"
    assert "Mallory" not in Customer.objects.values_list("name", flat=True)


def test_those_received_since_a_time_or_for_a_span(dead: StripeEvent) -> None:
    soon = (timezone.now() - timedelta(minutes=1)).isoformat()
    assert run("--since", soon, "--dry-run") == "3 events would be processed again"
    assert run("--since", "1h").startswith("3 queued again; 2 processed, 1 failed")
    with pytest.raises(CommandError, match="yet to come"):
        run("--since", (timezone.now() + timedelta(hours=1)).isoformat())


@pytest.mark.parametrize("since", ["yesterday", "2026-13-45", "2026-01-01T25:00Z"])
def test_a_time_that_is_none_is_told_in_one_line(
    since: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "replay_events", "--since", since])
    assert capsys.readouterr().err.strip() == (
        f"CommandError: --since is {since!r}; "
        "it can be a span such as 7d or 12h, a date, or a time."
    )


def test_it_must_be_told_what_to_replay() -> None:
    with pytest.raises(CommandError, match="say what to replay"):
        run()


def test_verify_names_what_differs_and_ends_with_1(dead: StripeEvent) -> None:
    assert run("--verify") == "the mirror is what the inbox says"
    Customer.objects.filter(pk="cus_1").update(name="Mallory")
    output = io.StringIO()
    for arguments in (["--verify"], ["--verify", "--dry-run"]):
        with pytest.raises(SystemExit) as caught:
            call_command("replay_events", *arguments, stdout=output)
        assert caught.value.code == 1
    assert "customer cus_1: name: row 'Mallory'" in output.getvalue()
    assert "1 object differs from" in output.getvalue()
