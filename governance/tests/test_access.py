"""Every address and every action, as each role and as nobody: what the matrix says, and no more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path, resolve, reverse
from django.utils import timezone

from auditlog import bounded
from auditlog.access import Access, Who
from auditlog.models import AuditEvent
from config.tests.addresses import filled_addresses, page_below
from config.tests.rows import build
from config.urls import urlpatterns as real_urls
from governance import access
from governance.access import Address
from governance.roles import ROLES
from monitoring.models import Issue
from orders.models import Order

BY_ROUTE = {(str(one.method), one.route): one.access for one in access.addresses()}
pytestmark = pytest.mark.django_db
NOT_SIGNED_IN, NO_ROLE, SUPERUSER, ALL_BUT_STAFF = "nobody", "no role", "superuser", "no staff"
ACTORS = (NOT_SIGNED_IN, NO_ROLE, *(role.name for role in ROLES), SUPERUSER, ALL_BUT_STAFF)
as_each = pytest.mark.parametrize("actor", ACTORS)
# They lead to the page where one signs in, or are it.
WAYS_OUT = {"accounts/logout/", "admin/logout/", "admin/login/", "accounts/login/"}
HOME_OF_NOBODY = ("", NO_ROLE)  # who has no role yet is told so there, with 403


def person(actor: str) -> User | None:
    if actor == NOT_SIGNED_IN:
        return None
    user = User.objects.create_user(actor, is_staff=actor != ALL_BUT_STAFF)
    user.is_superuser = actor == SUPERUSER
    user.save()
    wanted = {role.name for role in ROLES} if actor == ALL_BUT_STAFF else {actor}
    user.groups.set(Group.objects.filter(name__in=wanted))
    return user


@pytest.fixture
def user(actor: str) -> User | None:
    return person(actor)


def refusal(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Thousands of refusals need no page; that there is one, another test says."""
    return HttpResponse("refused", status=403)


@pytest.fixture
def signed_in(
    client: Client,
    user: User | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> Client:
    """The actor's browser."""
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_test"]
    caplog.set_level(logging.CRITICAL)  # a refusal is logged with all of its traceback
    monkeypatch.setattr("config.urls.handler403", refusal, raising=False)
    client.raise_request_exception = False
    if user is not None:
        client.force_login(user)
    return client


def ask(client: Client, method: str, url: str, data: dict[str, Any] | None = None) -> Any:
    """The answer; ``refused`` says whether it is a refusal or leads to where one signs in."""
    response: Any = client.get(url, data) if method == "GET" else client.post(url, data)
    if response.streaming:
        response.getvalue()
    sent_away = response.status_code == 302 and (
        urlsplit(response["Location"]).path in {"/accounts/login/", "/admin/login/"}
    )
    response.refused = sent_away or response.status_code == 403
    return response


class Controls(HTMLParser):
    """What a page offers: links, forms that can be sent, by method, and actions of its list."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.offered: set[tuple[str, str]] = set()
        self.actions: set[str] = set()
        self.in_actions = False
        self.form = ("GET", "")
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        match tag:
            case "a":
                self.offered.add(("GET", at.get("href", "")))
            case "form":
                self.form = (at.get("method", "get").upper(), at.get("action", ""))
            case "button" | "input" if at.get("type", tag) in {"submit", "button"}:
                method, target = self.form
                self.offered.add((method, at.get("formaction", target)))
            case "input" if at.get("name") == "action":
                self.actions.add(at.get("value", ""))
            case "select":
                self.in_actions = at.get("name") == "action"
            case "option" if self.in_actions:
                self.actions.add(at.get("value", ""))


def refused_controls(page: str, url: str, user: User | None, model_admin: Any) -> list[str]:
    """What the page offers that would be refused."""
    controls = Controls(page)
    found = []
    for method, target in controls.offered:
        parts = urlsplit(urljoin(f"http://testserver{url}", target))
        if parts.netloc != "testserver" or parts.path.startswith("/static/"):
            continue
        granted = BY_ROUTE[method, resolve(parts.path).route]
        if not allowed(granted, user):
            found.append(f"{url} offers {method} {parts.path}")
    if model_admin is not None:
        for name in controls.actions & set(model_admin.row_actions()):
            if not allowed(model_admin.row_actions()[name], user):
                found.append(f"{url} offers the action {name}")
    return found


def written() -> dict[str, int]:
    """The rows of each table that this transaction wrote."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables "
            "WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
        )
        return dict(cursor.fetchall())


def allowed(granted: Access | None, user: User | None) -> bool:
    assert granted is not None
    if user is None:
        return granted.who is Who.ANYONE
    return granted.allows(user)


@pytest.fixture
def url_of() -> Callable[[Address], str]:
    return filled_addresses()


@as_each
def test_every_address_is_for_whom_the_matrix_says_and_offers_only_what_they_may(
    actor: str, user: User | None, signed_in: Client, url_of: Callable[[Address], str]
) -> None:
    asked = [(one, url_of(one)) for one in access.addresses() if one.route not in WAYS_OUT]
    before = written()
    let_in = [
        f"{one.method} {url}: {answer.status_code}"
        for one, url in asked
        if not allowed(one.access, user)
        and not (answer := ask(signed_in, one.method, url)).refused
        and answer.status_code != 405  # which nobody is let in by
    ]
    assert let_in == []
    changed = {table for table, rows in written().items() if rows != before.get(table, 0)}
    assert changed <= {"auditlog_auditevent"}
    wrong = []
    for one, url in asked:
        if not allowed(one.access, user) or (one.route, actor) == HOME_OF_NOBODY:
            continue
        with transaction.atomic():
            cookies = SimpleCookie(signed_in.cookies)
            answer = ask(signed_in, one.method, url)
            if answer.refused or answer.status_code >= 500:
                wrong.append(f"{one.method} {url}: {answer.status_code}")
            if answer.status_code == 200 and answer["Content-Type"].startswith("text/html;"):
                page = one.model_admin or page_below(one.route)
                wrong += refused_controls(answer.content.decode(), url, user, page)
            transaction.set_rollback(True)
            signed_in.cookies = cookies
    assert wrong == []


@as_each
def test_every_action_is_run_by_whom_the_matrix_says(
    actor: str, user: User | None, signed_in: Client
) -> None:
    for action in access.actions():
        row = build(action.model_admin.model)
        data = {"action": action.name, "_selected_action": [row.pk]}
        before = written()
        with transaction.atomic():
            answer = ask(signed_in, "POST", list_of(row), data)
            assert answer.refused != allowed(action.access, user), (action.name, actor)
            if answer.refused:
                changed = {t for t, rows in written().items() if rows != before.get(t, 0)}
                assert changed <= {"auditlog_auditevent"}, (action.name, actor)
            transaction.set_rollback(True)


def list_of(row: models.Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def test_every_permission_that_is_declared_exists() -> None:
    known = {
        f"{one.content_type.app_label}.{one.codename}"
        for one in Permission.objects.select_related("content_type")
    }
    declared = [one.access for one in access.addresses()]
    declared += [one.access for one in access.actions()]
    assert {name for one in declared if one for name in (*one.permissions, *one.any_of)} <= known


def test_the_document_is_what_the_code_declares() -> None:
    call_command("rbac_matrix", check=True)


def test_whoever_may_change_something_may_see_it() -> None:
    """Else the admin would show them what the matrix doesn't say."""
    for role in ROLES:
        for page in access.model_admins():
            may = {what: page.access_to(what).permissions for what in ("view", "add", "change")}
            if role.may(may["change"][0] if may["change"] else "nobody.may"):
                assert role.may(may["view"][0])


# -- what declares nothing ---------------------------------------------------------------------


def undeclared_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [*real_urls, path("forgotten/", undeclared_view)]


def test_an_address_that_declares_nothing_is_an_error(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    [error] = [one for one in run_checks() if one.id == "governance.E001"]
    assert error.msg == "Nobody said who may use /forgotten/."
    with pytest.raises(CommandError, match="/forgotten/"):
        call_command("rbac_matrix", check=True)


def test_an_action_that_declares_nothing_is_an_error_and_offered_to_nobody(
    monkeypatch: pytest.MonkeyPatch, rf: RequestFactory, superuser: User
) -> None:
    page = admin.site.get_model_admin(Order)
    monkeypatch.setattr(page, "actions", [undeclared_action])
    assert access.undeclared() == ["action undeclared_action of orders.order"]
    request = rf.get("/")
    request.user = superuser
    assert "undeclared_action" not in page.get_actions(request)


def undeclared_action(page: Any, request: HttpRequest, queryset: Any) -> None:
    raise AssertionError("run by nobody")


def test_a_list_that_declares_nothing_is_an_error() -> None:
    admin.site.register(Permission)
    try:
        assert "admin of auth.permission" in access.undeclared()
    finally:
        admin.site.unregister(Permission)


# -- what was refused --------------------------------------------------------------------------


def denied() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="permission.denied").order_by("id"))


def test_a_refusal_is_audited_with_the_path_and_the_role(client: Client) -> None:
    user = person("executive")
    assert user is not None
    client.force_login(user)
    assert client.get("/admin/orders/order/?q=somebody@example.com").status_code == 403
    [event] = denied()
    assert (event.actor, event.target_type) == (user, "")
    assert event.after == {
        "path": "/admin/orders/order/",
        "method": "GET",
        "roles": ["executive"],
    }


def test_a_refusal_at_the_door_of_the_admin_is_audited_once(client: Client) -> None:
    user = person(ALL_BUT_STAFF)
    assert user is not None
    client.force_login(user)
    client.get("/admin/orders/order/", follow=True)
    [event] = denied()
    assert event.after["path"] == "/admin/orders/order/"


def test_an_action_that_was_refused_is_audited_and_not_done(client: Client) -> None:
    user = person("auditor")
    assert user is not None
    client.force_login(user)
    issue = build(Issue)
    answer = client.post(list_of(issue), {"action": "take", "_selected_action": [issue.pk]})
    assert answer.status_code == 403
    issue.refresh_from_db()
    assert issue.assignee is None
    assert [event.after["method"] for event in denied()] == ["POST"]


def test_whoever_is_not_signed_in_fills_no_log(client: Client) -> None:
    client.get("/admin/")
    client.get("/dashboard/")
    assert client.post("/admin/orders/order/export/").status_code == 302
    assert denied() == []


def test_whoever_hammers_at_a_closed_door_fills_no_log(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST", 3)
    for name in ("executive", "analyst"):
        user = person(name)
        assert user is not None
        client.force_login(user)
        for _ in range(5):
            assert client.get("/admin/auth/user/").status_code == 403
    assert [event.actor_name for event in denied()] == ["executive"] * 3 + ["analyst"] * 3
    # A minute later the next one counts again.
    with freeze(timezone.now() + bounded.WITHIN):
        client.get("/admin/auth/user/")
    assert len(denied()) == 7


@contextmanager
def freeze(now: datetime) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now)
        yield


def test_a_path_with_a_zero_byte_hides_no_attempt(client: Client) -> None:
    user = person("executive")
    assert user is not None
    client.force_login(user)
    assert client.get("/admin/orders/order/%00/change/").status_code in {302, 403}
    assert [event.after["path"] for event in denied()] == ["/admin/orders/order//change/"]


@pytest.mark.parametrize(
    "address",
    [
        "/admin/auditlog/auditevent/?action=%00",
        "/admin/auditlog/auditevent/?actor_name=a%00",
        "/admin/monitoring/issue/?check_name=%00",
    ],
)
def test_a_filter_by_a_zero_byte_finds_nothing(client: Client, address: str) -> None:
    user = person(SUPERUSER)
    assert user is not None
    client.force_login(user)
    assert client.get(address).status_code == 200
