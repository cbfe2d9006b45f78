"""Which settings a process started with is in the audit log, once, and no secret is."""

from __future__ import annotations

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from auditlog.models import AuditEvent
from governance.settings_seen import NO_SECRETS, note_at_start, note_settings

pytestmark = pytest.mark.django_db
GIVEN = {
    "REPORTING_TIME_ZONE": "Europe/Berlin",
    "STRIPE_API_KEY": "rk_live_0123456789",
    "DATABASE_URL": "postgres://owner:hush@db/countinghouse",
    "LOG_LEVEL": "",
    "HOME": "/root",
}


def test_what_was_set_is_recorded_and_secrets_only_as_a_fingerprint() -> None:
    assert note_settings("web", GIVEN)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_name, event.before) == ("settings.seen", "job:web", {})
    assert event.after["process"] == "web"
    assert event.after["values"] == {"REPORTING_TIME_ZONE": "Europe/Berlin"}
    assert set(event.after["fingerprints"]) == {"STRIPE_API_KEY", "DATABASE_URL"}
    for secret in ("rk_live", "0123456789", "hush", "owner"):
        assert secret not in str(event.after)


def test_it_is_recorded_again_only_when_something_changed() -> None:
    assert note_settings("web", GIVEN)
    assert not note_settings("web", GIVEN)
    assert note_settings("worker", GIVEN)  # another process has its own
    assert not note_settings("web", GIVEN)
    assert note_settings("web", GIVEN | {"STRIPE_API_KEY": "rk_live_another"})
    last = AuditEvent.objects.first()
    assert last is not None
    changed = last.after["fingerprints"]["STRIPE_API_KEY"]
    assert last.before["fingerprints"]["STRIPE_API_KEY"] != changed
    assert last.before["values"] == last.after["values"]
    assert AuditEvent.objects.count() == 3


def test_a_fingerprint_is_worth_nothing_without_the_signing_key(settings: Settings) -> None:
    def fingerprint() -> str:
        note_settings("web", GIVEN)
        last = AuditEvent.objects.first()
        assert last is not None
        return str(last.after["fingerprints"]["STRIPE_API_KEY"])

    before = fingerprint()
    settings.SECRET_KEY = "another signing key"
    assert fingerprint() != before


def test_every_variable_that_the_settings_read_is_seen(settings: Settings) -> None:
    for name in (*GIVEN, "SECRET_KEY", "ALERT_URLS", "STRIPE_WEBHOOK_SECRETS", "DEBUG"):
        assert (name in settings.VARIABLES) is (name != "HOME")


def test_what_passes_for_no_secret_is_none() -> None:
    assert not [
        name
        for name in NO_SECRETS
        if any(
            word in name for word in ("KEY", "SECRET", "PASSWORD", "TOKEN", "URLS", "DATABASE_URL")
        )
    ]


@pytest.mark.django_db(transaction=True)
def test_a_database_without_tables_keeps_nobody_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auditlog_auditevent RENAME TO elsewhere")
    try:
        note_at_start("web")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO auditlog_auditevent")
    assert "aren’t in the audit log" in caplog.text
