"""People and roles in the admin: who may make whom what, and that it is audited."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from auditlog.identity import CONFIRMED_AT
from auditlog.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    client.force_login(user)
    return user


def form(user: User, **values: Any) -> dict[str, Any]:
    return {
        "username": user.username,
        "is_active": "on",
        "date_joined_0": "2026-11-24",
        "date_joined_1": "03:00:00",
        **values,
    }


def test_an_administrator_gives_a_role_and_it_is_audited(
    client: Client, administrator: User
) -> None:
    user = User.objects.create_user("olive")
    role = Group.objects.get(name="operator")
    url = f"/admin/auth/user/{user.pk}/change/"
    assert client.post(url, form(user, is_staff="on", groups=[role.pk])).status_code == 302
    assert user.groups.get() == role
    event = AuditEvent.objects.get()
    assert (event.action, event.actor) == ("user.change", administrator)
    assert (event.before["groups"], event.after["groups"]) == ([], ["operator"])
    assert (event.before["is_staff"], event.after["is_staff"]) == (False, True)


def test_an_administrator_adds_a_person_and_it_is_audited(
    client: Client, administrator: User
) -> None:
    values = {"username": "new", "password1": "quite-long-enough", "usable_password": "true"}
    response = client.post("/admin/auth/user/add/", {**values, "password2": "quite-long-enough"})
    assert response.status_code == 302
    event = AuditEvent.objects.get(action="user.add")
    assert event.target_id == str(User.objects.get(username="new").pk)
    assert "quite-long-enough" not in str(event.after)


def test_an_administrator_makes_no_superuser(client: Client, administrator: User) -> None:
    user = User.objects.create_user("olive")
    client.post(f"/admin/auth/user/{user.pk}/change/", form(user, is_superuser="on"))
    client.post(
        f"/admin/auth/user/{administrator.pk}/change/",
        form(administrator, is_superuser="on", is_staff="on"),
    )
    assert not User.objects.filter(is_superuser=True).exists()


def test_an_administrator_touches_no_superuser(
    client: Client, administrator: User, superuser: User
) -> None:
    before = superuser.password
    for path in ("change", "password"):
        response = client.post(
            f"/admin/auth/user/{superuser.pk}/{path}/",
            form(superuser, password1="mine-now-and-long", password2="mine-now-and-long"),
        )
        assert response.status_code == 403
    superuser.refresh_from_db()
    assert superuser.password == before
    assert set(AuditEvent.objects.values_list("action", flat=True)) == {"permission.denied"}


def test_setting_anothers_password_is_audited(client: Client, administrator: User) -> None:
    user = User.objects.create_user("olive")
    values = {"password1": "quite-long-enough", "password2": "quite-long-enough"}
    url = f"/admin/auth/user/{user.pk}/password/"
    assert client.post(url, {**values, "usable_password": "true"}).status_code == 302
    user.refresh_from_db()
    assert user.check_password("quite-long-enough")
    assert AuditEvent.objects.get().action == "user.password"


def test_nobody_deletes_a_person_or_edits_a_role(client: Client, superuser: User) -> None:
    client.force_login(superuser)
    user = User.objects.create_user("olive")
    role = Group.objects.get(name="operator")
    assert client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/auth/group/{role.pk}/change/", {"name": "x"}).status_code == 403
    assert client.get(f"/admin/auth/group/{role.pk}/change/").status_code == 200
    assert User.objects.filter(pk=user.pk).exists()
    assert Group.objects.filter(name="operator").exists()


def test_a_role_says_what_it_is_for_who_has_it_and_what_it_may(
    client: Client, administrator: User
) -> None:
    role = Group.objects.get(name="operator")
    User.objects.create_user("olive").groups.add(role)
    text = client.get(f"/admin/auth/group/{role.pk}/change/").content.decode()
    assert "Runs the day" in text
    assert ">olive</a>" in text
    assert (
        '<td class="word">orders: order</td><td class="word">add, change, export, refund, view</td>'
        in text
    )


def test_nobody_sets_their_own_password_without_the_old_one(
    client: Client, administrator: User
) -> None:
    new = {"password1": "quite-long-enough", "password2": "quite-long-enough"}
    for pk in (administrator.pk, f"0{administrator.pk}", f" {administrator.pk}"):
        answer = client.post(f"/admin/auth/user/{pk}/password/", new)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/"), pk
    administrator.refresh_from_db()
    assert not administrator.has_usable_password()


def test_who_changes_accounts_has_said_lately_who_they_are(
    client: Client, administrator: User
) -> None:
    administrator.set_password("a-long-test-password")
    administrator.save()
    client.force_login(administrator)
    olive = User.objects.create_user("olive")
    session = client.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()
    page = f"/admin/auth/user/{olive.pk}/change/"
    asked = "/accounts/confirm/?next="
    new = {"password1": "quite-long-enough", "password2": "quite-long-enough"}
    action = {"action": "take_second_factor", "_selected_action": [olive.pk], "reason": "why not"}
    for url, sent in (
        (page, form(olive, is_staff="on")),
        (f"/admin/auth/user/{olive.pk}/password/", new),
        ("/admin/auth/user/add/", {"username": "new", "usable_password": "true", **new}),
        ("/admin/auth/user/", action),
    ):
        assert client.post(url, sent)["Location"].startswith(asked), url
    assert client.get(page)["Location"] == f"{asked}{page.replace('/', '%2F')}"
    assert client.get("/admin/auth/user/").status_code == 200
    olive.refresh_from_db()
    assert not olive.is_staff
    assert not olive.has_usable_password()
    assert User.objects.count() == 2

    confirm = {"next": page, "identity-password": "wrong"}
    assert (
        "That isn’t your password." in client.post("/accounts/confirm/", confirm).content.decode()
    )
    assert client.get(page).status_code == 302
    confirm["identity-password"] = "a-long-test-password"
    assert client.post("/accounts/confirm/", confirm)["Location"] == page
    assert client.get(page).status_code == 200
    evil = client.get("/accounts/confirm/?next=//evil.example/")
    assert (evil.status_code, evil["Location"]) == (302, "/")
