"""New and re-opened issues are told on every channel, once a run, by a job; over real HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import Error, Warning
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from config.tests.processes import StartWorker
from monitoring import channels
from monitoring.alerting import TEST, message_about
from monitoring.models import AlertDelivery, CheckRun, Issue, Severity
from monitoring.registry import Finding
from monitoring.services import alerts
from monitoring.services.alerts import LEASE, PAUSES, send_due
from monitoring.services.runs import run_checks
from monitoring.services.triage import MUTE, decide
from monitoring.settings_checks import alert_settings
from monitoring.tests.conftest import Register
from monitoring.tests.receiver import TOKEN, Receiver
from monitoring.tests.test_runs import subject
from payments.client import CallInTransaction
from payments.tests.test_concurrency import together

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HIGH = Severity.HIGH


@pytest.fixture
def second(receiver: Receiver, settings: Settings) -> Iterator[Receiver]:
    """A channel beside the first one."""
    one = Receiver()
    settings.ALERT_URLS = [receiver.url, one.url]
    yield one
    one.stop()


@pytest.fixture
def odd(register: Register) -> Any:
    """``odd(finding, …)`` runs a check that finds these, and returns the run."""

    def run(*findings: Finding) -> CheckRun:
        register("odd", lambda now: findings)
        return run_checks(["odd"])

    return run


def high(number: int = 1, **values: Any) -> Finding:
    return subject(number, **{"severity": HIGH, **values})


def outcomes() -> list[tuple[str, int]]:
    return list(AlertDelivery.objects.order_by("id").values_list("status", "attempts"))


def test_one_message_says_how_many_how_bad_how_much_and_where(
    receiver: Receiver, odd: Any, settings: Settings
) -> None:
    settings.SITE_URL = "https://ch.example"
    odd(high(1))
    send_due()
    odd()
    receiver.messages.clear()
    odd(
        high(1),
        high(2, amount_minor=100, currency="usd"),
        high(3, amount_minor=None, currency="", severity=Severity.CRITICAL),
        *(high(number, amount_minor=1000) for number in range(4, 8)),
        subject(8),  # medium
    )
    assert send_due().sent == 1
    [message] = receiver.messages
    assert message["title"] == "Countinghouse: 6 new issues, 1 re-opened (1 critical, 6 high)"
    assert message["type"] == "failure"
    body = message["message"].splitlines()
    assert body[0] == "Money at risk: 41.00 EUR, 1.00 USD"
    told = [line for line in body if "is odd" in line]
    assert len(told) == 5
    assert told[0] == "critical, new: order 3 is odd"
    assert told[1] == "high, new, 10.00 EUR: order 4 is odd"
    assert "… and 2 more." in body
    issue = Issue.objects.get(subject_id="3")
    assert f"https://ch.example/admin/monitoring/issue/{issue.pk}/change/" in body
    assert body[-1] == "All open issues: https://ch.example/admin/monitoring/issue/"


def test_what_stays_open_what_resolves_and_what_is_less_bad_is_not_told(
    receiver: Receiver, odd: Any
) -> None:
    odd(high())
    send_due()
    for findings in ([high()], [], [subject(2)]):
        odd(*findings)
    assert AlertDelivery.objects.count() == 1
    assert send_due() == alerts.Told()
    assert len(receiver.messages) == 1
    odd(high())
    send_due()
    assert receiver.titles[-1] == "Countinghouse: 1 re-opened (1 high)"


def test_one_that_was_muted_is_told_again_with_why(receiver: Receiver, odd: Any) -> None:
    odd(high())
    send_due()
    now = timezone.now()
    decide(MUTE, [Issue.objects.get().pk], reason="known", until=now + timedelta(hours=1))
    odd(high())
    assert send_due() == alerts.Told()
    run_checks(["odd"], now=now + timedelta(hours=2))
    send_due(now=now + timedelta(hours=2))
    assert "high, re-opened (its mute ended), 1.00 EUR" in receiver.messages[-1]["message"]


def test_the_severity_from_which_on_is_a_setting(
    receiver: Receiver, odd: Any, settings: Settings
) -> None:
    settings.ALERT_SEVERITY = "critical"
    odd(high())
    assert outcomes() == []
    settings.ALERT_SEVERITY = "low"
    odd(high(), subject(2, severity=Severity.LOW))
    send_due()
    assert receiver.titles == ["Countinghouse: 1 new issue (1 low)"]


def test_without_channels_nothing_is_kept(odd: Any, settings: Settings) -> None:
    settings.ALERT_URLS = []
    odd(high())
    assert outcomes() == []


def test_without_an_address_of_ours_there_are_no_links(
    receiver: Receiver, odd: Any, settings: Settings
) -> None:
    settings.SITE_URL = ""
    odd(high())
    send_due()
    assert "admin" not in receiver.messages[0]["message"]


def test_no_mail_address_and_nothing_of_a_crash_leaves_the_house(
    receiver: Receiver, register: Register
) -> None:
    def breaks(now: Any) -> list[Finding]:
        raise RuntimeError("row of Jane Doe")

    register("broken", breaks)
    register("odd", lambda now: [high(summary="Order 1 of <jane.doe@example.com> is odd")])
    run_checks(["broken", "odd"])
    send_due()
    text = receiver.messages[0]["message"]
    assert "high, new, 1.00 EUR: Order 1 of <…@…> is odd" in text
    assert "critical, new: The check broken could not run\n" in text
    assert "ane" not in text


def test_a_channel_that_took_it_is_not_told_again_while_the_other_is_tried_again(
    receiver: Receiver, second: Receiver, odd: Any
) -> None:
    second.status = 503
    odd(high())
    now = timezone.now()
    assert send_due(now=now) == alerts.Told(sent=1, failed=1)
    assert outcomes() == [("sent", 1), ("waiting", 1)]
    assert send_due(now=now + MINUTE / 2) == alerts.Told()
    assert send_due(now=now + MINUTE) == alerts.Told(failed=1)
    second.status = 200
    assert send_due(now=now + 3 * MINUTE) == alerts.Told(sent=1)
    assert send_due(now=now + timedelta(days=1)) == alerts.Told()
    assert (len(receiver.messages), len(second.messages)) == (1, 3)
    assert outcomes() == [("sent", 1), ("sent", 3)]
    assert not AlertDelivery.objects.exclude(error="").exists()


def test_a_channel_that_never_takes_it_is_given_up_and_that_is_audited(
    receiver: Receiver, odd: Any
) -> None:
    receiver.status = 500
    odd(high())
    now = timezone.now()
    for pause in (timedelta(), *PAUSES):
        now += pause
        assert send_due(now=now).failed == 1
    assert outcomes() == [("failed", len(PAUSES) + 1)]
    assert send_due(now=now + timedelta(days=1)) == alerts.Told()
    [event] = AuditEvent.objects.filter(action="monitoring.alert")
    assert event.after["status"] == "failed"


def test_a_process_that_died_while_it_sent_is_made_good_later(receiver: Receiver, odd: Any) -> None:
    odd(high())
    now = timezone.now()
    assert alerts.claim(now)
    assert send_due(now=now) == alerts.Told()  # somebody is at it
    assert send_due(now=now + LEASE) == alerts.Told(sent=1)
    assert len(receiver.messages) == 1


def test_a_channel_that_was_taken_out_gets_nothing_and_counts_for_nothing(
    receiver: Receiver, odd: Any, settings: Settings
) -> None:
    odd(high())
    url = settings.ALERT_URLS
    settings.ALERT_URLS = []
    assert send_due() == alerts.Told()
    assert receiver.messages == []
    assert outcomes() == [("failed", 0)]
    settings.ALERT_URLS = url
    run_checks(["notification_channel_failing"])
    assert not Issue.objects.filter(check_name="notification_channel_failing").exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_send_at_once_send_once(receiver: Receiver, second: Receiver, odd: Any) -> None:
    odd(high())
    done = together(4, lambda number: send_due())
    assert sum(told.sent for told in done) == 2
    assert (len(receiver.messages), len(second.messages)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_worker_sends_it_as_soon_as_the_run_has_ended(
    receiver: Receiver, odd: Any, worker: StartWorker, settings: Settings
) -> None:
    running = worker({"ALERT_URLS": receiver.url, "SECRET_KEY": settings.SECRET_KEY})
    odd(high())
    running.wait_for(receiver.asked.is_set, "telling the issue")
    running.wait_for(lambda: outcomes() == [("sent", 1)], "noting that it was told")
    assert TOKEN not in running.output()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_while_a_transaction_is_open(receiver: Receiver, odd: Any) -> None:
    odd(high())
    with transaction.atomic(), pytest.raises(CallInTransaction):
        send_due()
    with transaction.atomic(), pytest.raises(CallInTransaction):
        channels.send(channels.configured()[0], TEST)
    assert receiver.messages == []


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_rolled_back_tells_nothing(receiver: Receiver, odd: Any) -> None:
    with transaction.atomic():
        odd(high())
        transaction.set_rollback(True)
    assert send_due() == alerts.Told()


@pytest.mark.parametrize("status", [401, 500])
def test_the_address_is_shown_nowhere(
    status: int,
    receiver: Receiver,
    odd: Any,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    client: Client,
    auditor: User,
) -> None:
    caplog.set_level(logging.DEBUG)  # as LOG_LEVEL=DEBUG has it
    receiver.status = status
    odd(high())
    send_due()
    with pytest.raises(SystemExit):
        call_command("send_test_alert")
    run_checks(["notification_channel_failing"])
    client.force_login(auditor)
    pages = [
        client.get(reverse("admin:monitoring_alertdelivery_changelist")),
        *(
            client.get(reverse("admin:monitoring_alertdelivery_change", args=[alert.pk]))
            for alert in AlertDelivery.objects.all()
        ),
        client.get(reverse("admin:monitoring_issue_changelist")),
    ]
    said = [
        caplog.text,
        *capsys.readouterr(),
        *(page.content.decode() for page in pages),
        *AlertDelivery.objects.values_list("error", flat=True),
        *map(str, Issue.objects.values_list("evidence", "summary")),
        *map(str, AuditEvent.objects.values_list("after", "reason")),
        repr(channels.configured()),
        str(alert_settings()),
    ]
    assert f"error={status}" in caplog.text  # what it said is told all the same
    assert not [text for text in said if TOKEN in text or str(receiver.server.server_port) in text]


def test_a_channel_that_is_away_or_unreadable_is_a_failure_like_any(
    receiver: Receiver, settings: Settings
) -> None:
    receiver.stop()
    settings.ALERT_URLS = [receiver.url, "nonsense"]
    away, unreadable = alerts.try_channels()
    assert away.error.startswith("A Connection error occurred")
    assert unreadable.label == "unreadable (number 2 in ALERT_URLS)"
    assert "can't be read" in unreadable.error


def test_the_command_tries_every_channel_and_fails_if_one_does_not_work(
    receiver: Receiver, second: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("send_test_alert")
    assert receiver.titles == second.titles == ["Countinghouse: a test"]
    assert receiver.messages[0]["type"] == "info"
    assert capsys.readouterr().out.splitlines() == [
        "json (number 1 in ALERT_URLS): sent",
        "json (number 2 in ALERT_URLS): sent",
    ]
    second.status = 500
    with pytest.raises(SystemExit) as ended:
        call_command("send_test_alert")
    assert ended.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": sent")
    assert lines[1].startswith("json (number 2 in ALERT_URLS): not sent. Failed to send")


def test_the_command_says_that_there_is_no_channel(settings: Settings) -> None:
    settings.ALERT_URLS = []
    with pytest.raises(CommandError, match="ALERT_URLS is empty"):
        call_command("send_test_alert")


def test_the_system_check_names_what_can_not_be_read_and_shows_none_of_it(
    settings: Settings,
) -> None:
    settings.SITE_URL = "https://ch.example"
    settings.ALERT_URLS = ["json://127.0.0.1", f"slack://{TOKEN}", f"{TOKEN}"]
    first, second = alert_settings()
    assert isinstance(first, Error)
    assert first.id == second.id == "monitoring.E001"
    assert "slack (number 2 in ALERT_URLS)" in first.msg
    assert "unreadable (number 3 in ALERT_URLS)" in second.msg
    assert first.hint
    assert TOKEN not in str([first, second])
    settings.ALERT_URLS, settings.SITE_URL = ["json://127.0.0.1"], ""
    [links] = alert_settings()
    assert isinstance(links, Warning)
    assert links.id == "monitoring.W001"
    settings.ALERT_URLS = []
    assert alert_settings() == []


def test_a_message_costs_the_same_however_much_it_is_about(
    receiver: Receiver, odd: Any, queries: Any
) -> None:
    def statements(count: int) -> int:
        run = odd(*(high(number) for number in range(count)))
        with queries() as captured:
            message_about(run)
        return len(captured)

    assert statements(3) == statements(300) == 3


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no route to hooks.example.com", "no route to ***"),
        ("POST /T00/p%40ss refused", "POST /***/*** refused"),
        ("p@ss is wrong", "*** is wrong"),
    ],
)
def test_what_a_channel_says_is_kept_without_its_address(said: str, kept: str) -> None:
    assert channels.masked(said, "https://me:p%40ss@hooks.example.com/T00/p%40ss") == kept
