"""Who signs in, out, or in vain is in the audit log; what was typed isn't."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog import bounded
from auditlog.models import AuditEvent
from auditlog.tests.tampering import EVENTS, behind_its_back
from config.proxies import Proxies
from governance.roles import keep_groups

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password"


def sign_in(client: Client, name: str, password: str = PASSWORD) -> None:
    client.post(
        "/accounts/login/", {"username": name, "password": password}, REMOTE_ADDR="192.0.2.7"
    )


def test_signing_in_and_out(client: Client, operator: User) -> None:
    sign_in(client, "olive")
    client.post("/accounts/logout/", REMOTE_ADDR="192.0.2.7")
    came, went = AuditEvent.objects.order_by("id")
    assert (came.action, went.action) == ("user.signed_in", "user.signed_out")
    for event in (came, went):
        assert (event.actor, event.actor_name, event.address) == (operator, "olive", "192.0.2.7")
        assert (event.target_type, event.target_id) == ("auth.user", str(operator.pk))
        assert len(event.request_id) == 32


def test_signing_out_without_having_signed_in_is_nothing(client: Client) -> None:
    client.post("/accounts/logout/")
    assert not AuditEvent.objects.exists()


def test_a_failed_sign_in_names_the_account_and_nothing_that_was_typed(
    client: Client, operator: User
) -> None:
    sign_in(client, "olive", "wrong-password-1")
    sign_in(client, "my-password-in-the-wrong-field", "wrong-password-2")
    known, unknown = AuditEvent.objects.order_by("id")
    assert known.action == unknown.action == "user.sign_in_failed"
    assert (known.target_id, known.after) == (str(operator.pk), {"known": True})
    assert (unknown.target_id, unknown.after) == ("", {"known": False})
    for event in (known, unknown):
        assert (event.actor, event.actor_name, event.address) == (None, "anonymous", "192.0.2.7")
        assert "password" not in str(AuditEvent.objects.filter(pk=event.pk).values().get())


def test_behind_a_proxy_each_has_their_own_address_and_limit(
    client: Client, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = Proxies.parse("10.0.0.0/8")
    for n in range(bounded.MOST + 5):
        client.post(
            "/accounts/login/",
            {"username": "olive", "password": "wrong"},
            REMOTE_ADDR="10.0.0.1",
            headers={"x-forwarded-for": f"192.0.2.{n}"},
        )
    found = AuditEvent.objects.filter(action="user.sign_in_failed")
    assert found.count() == bounded.MOST + 5
    assert {event.address for event in found} == {f"192.0.2.{n}" for n in range(bounded.MOST + 5)}


def test_a_disabled_account_can_t_sign_in_and_that_is_audited(
    client: Client, operator: User
) -> None:
    User.objects.update(is_active=False)
    sign_in(client, "olive")
    assert AuditEvent.objects.get().action == "user.sign_in_failed"


def test_a_name_that_can_t_be_stored_is_no_error(client: Client) -> None:
    sign_in(client, "o\0live")
    assert AuditEvent.objects.count() <= 1


def test_who_tries_again_and_again_doesn_t_fill_the_log(
    client: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST", 2)
    for number in range(3):
        sign_in(client, "olive", f"guess {number}")
    assert AuditEvent.objects.count() == 2
    client.post("/accounts/login/", {"username": "olive", "password": "x"}, REMOTE_ADDR="192.0.2.8")
    assert AuditEvent.objects.count() == 3  # another address
    hour_ago = timezone.now() - timedelta(hours=1)
    behind_its_back(f"UPDATE {EVENTS} SET at = %(at)s", at=hour_ago)
    sign_in(client, "olive", "a guess more")
    assert AuditEvent.objects.count() == 4


def test_a_superuser_that_is_made_by_command_is_audited() -> None:
    call_command(
        "createsuperuser",
        "--noinput",
        "--username=root",
        "--email=r@example.com",
        stdout=StringIO(),
    )
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_name) == ("user.add", "job:createsuperuser")
    assert event.target_id == str(User.objects.get(username="root").pk)
    assert event.after["is_superuser"] is True


def test_a_password_that_is_set_by_command_is_audited(
    operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    within = len(connection.atomic_blocks)

    def asked(prompt: str = "") -> str:
        assert len(connection.atomic_blocks) == within, "a transaction waits for a person"
        return "another-long-password"

    monkeypatch.setattr("getpass.getpass", asked)
    call_command("changepassword", "olive", stdout=StringIO())
    operator.refresh_from_db()
    assert operator.check_password("another-long-password")
    event = AuditEvent.objects.get()
    assert (event.action, event.target_id) == ("user.password", str(operator.pk))
    assert "another" not in str(event.after)
    with pytest.raises(CommandError):
        call_command("changepassword", "nobody", stdout=StringIO())
    assert AuditEvent.objects.count() == 1


def test_an_account_that_cannot_be_audited_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **values: Any) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr("config.management.commands.createsuperuser.record", broken)
    command = ("createsuperuser", "--noinput", "--username=root", "--email=r@example.com")
    with pytest.raises(DatabaseError):
        call_command(*command, stdout=StringIO())
    assert not User.objects.exists()


def test_what_a_role_may_do_is_audited_when_it_changes() -> None:
    keep_groups()
    assert not AuditEvent.objects.exists()
    role = Group.objects.get(name="executive")
    role.permissions.clear()
    keep_groups()
    event = AuditEvent.objects.get()
    assert (event.action, event.target_id) == ("role.permissions", str(role.pk))
    assert event.before == {"permissions": []}
    assert "analyticsapp.view_daysnapshot" in event.after["permissions"]
