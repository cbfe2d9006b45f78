"""Signing in and out, where each role lands, one's own password, and pages that refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.views.defaults import bad_request, server_error

from auditlog.models import AuditEvent

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password"


def person(role: str, *, staff: bool = False) -> User:
    user = User.objects.create_user(role or "nobody", password=PASSWORD, is_staff=staff)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


@pytest.mark.parametrize(
    ("role", "staff", "lands"),
    [
        ("executive", False, "/dashboard/"),
        ("analyst", True, "/dashboard/"),
        ("finance", True, "/dashboard/"),
        ("operator", True, "/admin/"),
        ("auditor", True, "/admin/"),
        ("auditor", False, "/dashboard/"),
        ("administrator", True, "/admin/"),
        ("", True, "/admin/"),
    ],
)
def test_signing_in_leads_to_where_the_role_works(
    client: Client, role: str, staff: bool, lands: str
) -> None:
    user = person(role, staff=staff)
    response = client.post(
        "/accounts/login/", {"username": user.username, "password": PASSWORD}, follow=True
    )
    assert response.redirect_chain[-1][0] == lands
    assert response.status_code == 200


def test_a_person_without_a_role_is_told_so(client: Client) -> None:
    client.force_login(person(""))
    response = client.get("/")
    assert response.status_code == 403
    assert b"You have no role yet" in response.content


def test_a_superuser_gets_everywhere(client: Client, superuser: User) -> None:
    client.force_login(superuser)
    assert client.get("/dashboard/").status_code == 200
    assert client.get("/admin/").status_code == 200


def test_the_admin_sends_people_to_the_one_page_to_sign_in(client: Client) -> None:
    response = client.get("/admin/auth/user/", follow=True)
    assert response.request["PATH_INFO"] == "/accounts/login/"
    assert response.context["next"] == "/admin/auth/user/"


def test_who_may_not_enter_the_admin_is_told_so_and_not_sent_round(client: Client) -> None:
    client.force_login(person("executive"))
    response = client.get("/admin/", follow=True)
    assert response.status_code == 200
    assert "whose role doesn’t include that page" in response.content.decode()


def test_signing_in_leads_nowhere_outside(client: Client) -> None:
    person("executive")
    response = client.post(
        "/accounts/login/",
        {"username": "executive", "password": PASSWORD, "next": "https://evil.example/"},
    )
    assert response["Location"] == "/"


def test_a_wrong_password_says_so_in_words(client: Client) -> None:
    response = client.post("/accounts/login/", {"username": "x", "password": "y"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()


def test_signing_out_takes_a_post(client: Client) -> None:
    client.force_login(person("executive"))
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert client.get("/dashboard/").status_code == 302


def test_ones_own_password_is_changed_and_audited(client: Client) -> None:
    user = person("executive")
    client.force_login(user)
    new = "another-long-password"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    response = client.post("/accounts/password/", form, follow=True)
    assert "Your password is changed." in response.content.decode()
    user.refresh_from_db()
    assert user.check_password(new)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.target_id) == ("user.password", user, str(user.pk))
    assert new not in str(event.after)


def test_a_weak_password_changes_nothing(client: Client) -> None:
    user = person("executive")
    client.force_login(user)
    form = {"old_password": PASSWORD, "new_password1": "123", "new_password2": "123"}
    assert client.post("/accounts/password/", form).status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert not AuditEvent.objects.exists()


def broken(request: Any) -> HttpResponse:
    raise RuntimeError("broken on purpose")


urlpatterns = [path("broken/", broken)]


def test_an_error_has_a_page_of_its_own(client: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    client.raise_request_exception = False
    response = client.get("/broken/")
    assert response.status_code == 500
    assert b"Something went wrong here" in response.content
    assert b"broken on purpose" not in response.content


def test_an_unknown_address_has_a_page_of_its_own(client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert b"There is nothing at this address" in response.content


def test_a_bad_request_has_a_page_of_its_own() -> None:
    response = bad_request(RequestFactory().get("/"), ValueError())
    assert "can’t be read" in response.content.decode()
    assert server_error(RequestFactory().get("/")).status_code == 500


def test_a_form_without_its_token_is_refused_with_a_reason() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/accounts/login/", {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert b"This form has expired" in response.content
