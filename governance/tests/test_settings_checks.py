"""Each of our own checks of settings and people: what sets it off, and what doesn't."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django_otp.plugins.otp_totp.models import TOTPDevice

from governance.settings_checks import about_people, about_settings

SAFE = {
    "DEBUG": False,
    "ALLOWED_HOSTS": ["countinghouse.example"],
    "SECRET_KEY": "k9-0f3b1d6b2a7c4e58_a1!x7Qz4mVwTnRpLsJdHgKfByCuEoIi",
    "STRIPE_API_KEY": "rk_live_x",
    "STRIPE_WEBHOOK_SECRETS": ["whsec_x"],
    "STRIPE_API_BASE": "",
    "PRODUCTION": True,
    "SECOND_FACTOR_REQUIRED": True,
}
DEVELOPMENT = {"PRODUCTION": False, "STRIPE_API_KEY": "rk_test_x", "SECOND_FACTOR_REQUIRED": False}


def found(settings: Any, **values: Any) -> list[str]:
    for name, value in {**SAFE, **values}.items():
        setattr(settings, name, value)
    messages = list(about_settings())
    assert all(message.hint for message in messages)
    return [str(message.id).removeprefix("governance.") for message in messages]


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, []),
        (DEVELOPMENT, []),
        ({**DEVELOPMENT, "DEBUG": True, "ALLOWED_HOSTS": ["localhost"]}, []),
        ({**DEVELOPMENT, "DEBUG": True}, ["E002"]),
        ({"SECRET_KEY": "development-only-secret-key"}, ["E003"]),
        ({"STRIPE_WEBHOOK_SECRETS": []}, ["W001"]),
        ({**DEVELOPMENT, "STRIPE_API_KEY": "", "STRIPE_WEBHOOK_SECRETS": []}, []),
        ({"STRIPE_API_KEY": "sk_test_x"}, ["W002"]),
        ({**DEVELOPMENT, "STRIPE_API_KEY": "sk_live_x"}, ["W003"]),
        ({"SECOND_FACTOR_REQUIRED": False}, ["W004"]),
        ({"STRIPE_API_BASE": "http://127.0.0.1:1"}, ["W005"]),
    ],
)
def test_settings_that_open_a_door(settings: Any, changed: dict[str, Any], ids: list[str]) -> None:
    assert found(settings, **changed) == ids


def test_they_are_said_by_the_command(settings: Any) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["countinghouse.example"]
    assert {"governance.E002", "governance.E003"} <= {message.id for message in run_checks()}


@pytest.mark.django_db
def test_people_who_open_a_door(settings: Any) -> None:
    settings.PRODUCTION = True
    operators = Group.objects.get(name="operator")

    def person(name: str, password: str, **values: Any) -> User:
        user = User.objects.create_user(name, password=password, **values)
        user.groups.add(operators)
        return user

    def said() -> dict[str, str]:
        return {str(one.id).removeprefix("governance."): one.msg for one in about_people()}

    assert said() == {}
    good = person("olive", "a-long-test-password")
    assert list(said()) == ["W006"]
    TOTPDevice.objects.create(user=good, confirmed=True)
    assert said() == {}
    person("otto", "otto")
    person("orla", "changeme", is_active=False)
    User.objects.create_superuser("root", password="admin")
    assert said()["W007"] == "Passwords that anybody would try first: otto, root."
    User.objects.create_user("executive", "executive@example.com", "a-long-test-password")
    assert "executive" in said()["W008"]
    settings.PRODUCTION = False
    assert list(said()) == ["W007"]
    with pytest.raises(SystemCheckError, match="W007"):
        call_command("check", databases=["default"], fail_level="WARNING", stderr=StringIO())
    # A new release gets in all the same.
    call_command("migrate", verbosity=0, skip_checks=False, stderr=StringIO())
    call_command("check", stdout=StringIO(), stderr=StringIO())
