"""How long somebody stays signed in, and when a session gets another key."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password"
HOUR = 3600


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so many seconds pass."""
    start = time.time()
    passed = 0.0

    def go(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        monkeypatch.setattr("governance.sessions.time.time", lambda: start + passed)

    return go


def test_it_ends_when_left_alone(
    client: Client, executive: User, later: Callable[[float], None]
) -> None:
    client.force_login(executive)
    later(119 * 60)
    assert client.get("/dashboard/").status_code == 200
    later(119 * 60)
    assert client.get("/dashboard/").status_code == 200
    later(121 * 60)
    assert client.get("/dashboard/").status_code == 302


def test_it_ends_twelve_hours_after_signing_in_however_busy(
    client: Client, executive: User, later: Callable[[float], None]
) -> None:
    client.force_login(executive)
    for _ in range(11):
        later(HOUR)
        assert client.get("/dashboard/").status_code == 200
    later(HOUR)
    assert client.get("/dashboard/").status_code == 302


def test_reading_pages_writes_no_session_each_time(
    client: Client, executive: User, queries: Callable[[], object], later: Callable[[float], None]
) -> None:
    client.force_login(executive)
    client.get("/dashboard/")
    with queries() as captured:  # type: ignore[attr-defined]
        client.get("/dashboard/kpis/")
    assert not [q for q in captured if q["sql"].startswith("UPDATE")]
    later(61)
    with queries() as captured:  # type: ignore[attr-defined]
        client.get("/dashboard/kpis/")
    assert len([q for q in captured if q["sql"].startswith("UPDATE")]) == 1


def test_signing_in_changes_the_key_that_was_known_before(client: Client) -> None:
    User.objects.create_user("olive", password=PASSWORD)
    session = client.session
    session["put there"] = "by somebody else"
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = str(planted)
    client.post("/accounts/login/", {"username": "olive", "password": PASSWORD})
    assert client.session["_auth_user_id"]
    assert client.session.session_key != planted


def test_another_password_ends_the_other_sessions(client: Client) -> None:
    olive = User.objects.create_user("olive", password=PASSWORD)
    other = Client()
    for browser in (client, other):
        browser.force_login(olive)
    new = "another-long-password"
    client.post(
        "/accounts/password/",
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new},
    )
    assert client.get("/accounts/password/").status_code == 200
    assert other.get("/accounts/password/").status_code == 302


def test_a_role_that_is_taken_away_is_gone_at_once(client: Client, executive: User) -> None:
    client.force_login(executive)
    assert client.get("/dashboard/").status_code == 200
    executive.groups.clear()
    assert client.get("/dashboard/").status_code == 403
