"""Whoever guesses passwords is locked out for a while, and the audit log says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from auditlog import bounded
from auditlog.models import AuditEvent
from config.proxies import Proxies

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password"
SIGN_IN = "/accounts/login/"


@pytest.fixture
def olive() -> User:
    return User.objects.create_user("olive", password=PASSWORD)


def attempt(client: Client, password: str, address: str = "192.0.2.1", **extra: Any) -> Any:
    form = {"username": extra.pop("username", "olive"), "password": password}
    return client.post(SIGN_IN, form, REMOTE_ADDR=address, **extra)


def guess(client: Client, times: int, address: str = "192.0.2.1", **extra: Any) -> int:
    """Guess so often; the last answer's status."""
    return int([attempt(client, "wrong", address, **extra) for _ in range(times)][-1].status_code)


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_the_fifth_wrong_password_locks_and_then_the_right_one_is_not_looked_at(
    client: Client, olive: User
) -> None:
    assert guess(client, 4) == 200
    answer = attempt(client, "wrong")
    assert answer.status_code == 429
    assert "15 minutes" in answer.content.decode()
    assert attempt(client, PASSWORD).status_code == 429
    assert "_auth_user_id" not in client.session


def test_it_ends_by_itself_and_further_tries_do_not_keep_it_up(client: Client, olive: User) -> None:
    guess(client, 5)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14))
    assert attempt(client, PASSWORD).status_code == 429
    assert guess(client, 3) == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert attempt(client, PASSWORD).status_code == 302


def test_another_address_is_not_locked_out_so_nobody_locks_out_somebody_else(
    client: Client, olive: User
) -> None:
    assert guess(client, 5, "192.0.2.66") == 429
    assert attempt(client, PASSWORD, "192.0.2.1").status_code == 302


def test_behind_a_trusted_proxy_it_is_the_client_who_is_locked_out(
    client: Client, olive: User, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = Proxies.parse("10.0.0.0/8")
    forged = {"HTTP_X_FORWARDED_FOR": "198.51.100.66"}
    assert guess(client, 5, "10.0.0.1", **forged) == 429
    assert attempt(client, PASSWORD, "10.0.0.1", **forged).status_code == 429
    other = {"HTTP_X_FORWARDED_FOR": "198.51.100.7"}
    assert attempt(client, PASSWORD, "10.0.0.1", **other).status_code == 302
    assert AuditEvent.objects.filter(action="user.locked_out").first().address == (  # type: ignore[union-attr]
        "198.51.100.66"
    )


def test_a_header_that_anybody_can_write_gets_nobody_round_the_lock(
    client: Client, olive: User
) -> None:
    for n in range(5):
        answer = attempt(client, "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}")
    assert answer.status_code == 429


def test_success_failure_and_lock_out_are_audited_without_a_password(
    client: Client, olive: User
) -> None:
    guess(client, 5)
    attempt(client, "wrong", username="correct horse battery staple")
    attempt(client, PASSWORD, "192.0.2.2")
    client.post("/accounts/logout/")
    assert actions() == [
        *["user.sign_in_failed"] * 4,
        "user.locked_out",
        "user.sign_in_failed",
        "user.sign_in_failed",
        "user.signed_in",
        "user.signed_out",
    ]
    rows = list(AuditEvent.objects.order_by("id"))
    assert rows[0].target_id == str(olive.pk)
    assert (rows[0].actor, rows[0].address) == (None, "192.0.2.1")
    assert rows[-1].actor == olive
    # A name that nobody has may be a password in the wrong field.
    stored = str([(row.before, row.after, row.reason, row.target_id) for row in rows])
    assert "horse" not in stored
    assert "wrong" not in stored
    assert PASSWORD not in str(list(AccessAttempt.objects.values()))


def test_a_flood_of_guesses_fills_no_log(
    client: Client, olive: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST", 2)
    monkeypatch.setattr(bounded, "MOST_OF_ALL", 3)
    for n in range(4):
        guess(client, 3, f"192.0.2.{n}", username=f"name{n}")
    assert actions() == ["user.sign_in_failed"] * 3


def test_an_administrator_lets_them_in_again_with_a_reason_and_it_is_audited(
    client: Client, olive: User
) -> None:
    guess(client, 5)
    administrator = User.objects.create_user("ada", is_staff=True)
    administrator.groups.add(Group.objects.get(name="administrator"))
    browser = Client()
    browser.force_login(administrator)
    form = {"action": "unlock", "_selected_action": [olive.pk]}
    people = "/admin/auth/user/"
    asked = browser.post(people, form)
    assert "Reason" in asked.content.decode()
    assert AccessAttempt.objects.exists()
    browser.post(people, {**form, "confirmed": "1", "reason": "she rang me"})
    event = AuditEvent.objects.get(action="user.unlocked")
    assert (event.actor, event.target_id) == (administrator, str(olive.pk))
    assert event.reason == "she rang me"
    assert attempt(client, PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("password", "taken"),
    [
        ("short-pw-11", False),
        ("password1234", False),
        ("123456789012", False),
        ("olive-olive", False),
        ("quite-long-enough", True),
    ],
)
def test_the_password_policy(client: Client, olive: User, password: str, taken: bool) -> None:
    client.force_login(olive)
    form = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    client.post("/accounts/password/", form)
    olive.refresh_from_db()
    assert olive.check_password(password) == taken


def test_guessing_the_old_password_is_locked_out_too(client: Client, olive: User) -> None:
    """Whoever sits at an open screen would learn it otherwise."""
    client.force_login(olive)
    new = "another-long-password"

    def change(old: str) -> int:
        form = {"old_password": old, "new_password1": new, "new_password2": new}
        return int(client.post("/accounts/password/", form).status_code)

    assert [change(f"guess {number}") for number in range(5)] == [200, 200, 200, 200, 429]
    assert change(PASSWORD) == 429
    olive.refresh_from_db()
    assert olive.check_password(PASSWORD)
    AccessAttempt.objects.all().delete()
    assert change(PASSWORD) == 302
    olive.refresh_from_db()
    assert olive.check_password(new)
