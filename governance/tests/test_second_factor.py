"""The second factor: set up, asked for, required of who moves money, and lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from auditlog.models import AuditEvent
from payments.tests.test_concurrency import together

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-test-password"
VERIFY, PAGE, CHANGE = (
    "/accounts/verify/",
    "/accounts/second-factor/",
    "/accounts/second-factor/change/",
)


@pytest.fixture
def olive() -> User:
    user = User.objects.create_user("olive", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    return user


def code_of(user: User, *, steps: int = 0) -> str:
    device = TOTPDevice.objects.get(user=user)
    return f"{totp(device.bin_key, t0=-30 * steps):06d}"


def set_up(client: Client, user: User) -> list[str]:
    """Set up an authenticator in the browser; return the recovery codes."""
    client.post(PAGE, {"begin": "1"})
    page = client.post(PAGE, {"code": code_of(user)}).content.decode()
    codes = re.findall(r"<li><code>([a-z2-7]{8})</code>", page)
    assert len(codes) == 10
    return codes


def next_code(user: User) -> str:
    """A code that wasn't used: the one before was the last to be accepted."""
    TOTPDevice.objects.filter(user=user).update(last_t=-1, throttling_failure_count=0)
    return code_of(user)


def sign_in(client: Client) -> Any:
    return client.post("/accounts/login/", {"username": "olive", "password": PASSWORD})


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_setting_it_up_shows_a_picture_and_the_secret_and_then_the_recovery_codes(
    client: Client, olive: User
) -> None:
    client.force_login(olive)
    assert client.get("/accounts/second-factor/image.svg").status_code == 404
    client.post(PAGE, {"begin": "1"})
    device = TOTPDevice.objects.get(user=olive)
    page = client.get(PAGE).content.decode()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert secret
    assert secret[1].replace(" ", "") in device.config_url
    image = client.get("/accounts/second-factor/image.svg")
    assert image["Content-Type"] == "image/svg+xml"
    assert "no-store" in image["Cache-Control"]
    assert b"style" not in image.content
    assert client.post(PAGE, {"code": "000000"}).status_code == 200
    assert not TOTPDevice.objects.get(user=olive).confirmed
    TOTPDevice.objects.update(throttling_failure_count=0)
    page = client.post(PAGE, {"code": code_of(olive)}).content.decode()
    assert len(re.findall(r"<li><code>", page)) == 10
    assert "<li><code>" not in client.get(PAGE).content.decode()
    assert actions() == [
        "second_factor.begun",
        "second_factor.added",
        "second_factor.codes_made",
        "second_factor.given",
    ]
    assert secret[1].replace(" ", "") not in str(list(AuditEvent.objects.values()))


def test_nothing_opens_between_the_password_and_the_code(client: Client, olive: User) -> None:
    other = Client()
    other.force_login(olive)
    set_up(other, olive)
    sign_in(client)
    key = client.session.session_key
    for path in ("/", "/admin/", "/admin/orders/order/", "/accounts/password/", PAGE):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith(VERIFY)
    assert client.post(CHANGE, {"remove": "1"})["Location"].startswith(VERIFY)
    assert client.post("/admin/monitoring/checkrun/run/")["Location"] == f"{VERIFY}?next=%2F"
    assert client.post(VERIFY, {"code": "000000"}).status_code == 200
    assert client.get("/admin/").status_code == 302
    answer = client.post(VERIFY, {"code": next_code(olive), "next": "/admin/orders/order/"})
    assert answer["Location"] == "/admin/orders/order/"
    assert client.get("/admin/orders/order/").status_code == 200
    assert client.session.session_key != key
    assert actions()[-3:] == [
        "user.signed_in",
        "second_factor.failed",
        "second_factor.given",
    ]


def test_it_leads_nowhere_outside(client: Client, olive: User) -> None:
    client.force_login(olive)
    set_up(client, olive)
    sign_in(client)
    form = {"code": next_code(olive), "next": "https://evil.example/"}
    assert client.post(VERIFY, form)["Location"] == "/"


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nor_where_no_code_is_asked_for(client: Client, olive: User, back: str) -> None:
    client.force_login(olive)
    assert client.get(VERIFY, {"next": back})["Location"] == "/"


def test_it_leads_to_an_address_and_not_to_a_page_by_its_name(client: Client, olive: User) -> None:
    client.force_login(olive)
    for name in ("nowhere", "home"):
        assert client.get(VERIFY, {"next": name})["Location"] == name


def test_a_code_is_good_once_and_only_for_a_short_while(client: Client, olive: User) -> None:
    client.force_login(olive)
    set_up(client, olive)
    sign_in(client)
    assert client.post(VERIFY, {"code": code_of(olive)}).status_code == 200  # it was used
    TOTPDevice.objects.update(last_t=-1, throttling_failure_count=0)
    assert client.post(VERIFY, {"code": code_of(olive, steps=-5)}).status_code == 200
    TOTPDevice.objects.update(throttling_failure_count=0)
    assert client.post(VERIFY, {"code": code_of(olive)}).status_code == 302


def test_wrong_codes_make_the_next_try_wait(client: Client, olive: User) -> None:
    client.force_login(olive)
    set_up(client, olive)
    sign_in(client)
    TOTPDevice.objects.update(last_t=-1)
    for _ in range(3):
        client.post(VERIFY, {"code": "000000"})
    assert client.post(VERIFY, {"code": code_of(olive)}).status_code == 200


def test_a_recovery_code_is_good_once(client: Client, olive: User) -> None:
    client.force_login(olive)
    first, *_ = set_up(client, olive)
    sign_in(client)
    assert client.post(VERIFY, {"code": first.upper()}).status_code == 302
    assert "9 recovery codes are left" in client.get(PAGE).content.decode()
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.after) == ("second_factor.given", {"with": "recovery code"})
    sign_in(client)
    assert client.post(VERIFY, {"code": first}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_code_that_is_given_by_several_at_once_lets_one_in(olive: User) -> None:
    browser = Client()
    browser.force_login(olive)
    recovery, *_ = set_up(browser, olive)
    TOTPDevice.objects.update(last_t=-1)
    browsers = [Client() for _ in range(8)]
    for one in browsers:
        sign_in(one)

    def give(number: int) -> int:
        return int(browsers[number].post(VERIFY, {"code": codes[number % 2]}).status_code)

    codes = recovery, code_of(olive)
    assert sorted(together(8, give)) == [200] * 6 + [302] * 2
    assert sum(one.get("/admin/").status_code == 200 for one in browsers) == 2


def test_an_open_session_is_not_enough_to_set_one_up(client: Client, olive: User) -> None:
    client.force_login(olive)
    client.post(PAGE, {"begin": "1"})
    key = TOTPDevice.objects.get(user=olive).key
    session = client.session
    session["identity_confirmed_at"] = 0
    session.save()
    page = client.get(PAGE).content.decode()
    assert "image.svg" not in page
    assert 'name="identity-password"' in page
    assert client.get("/accounts/second-factor/image.svg").status_code == 404
    client.post(PAGE, {"code": code_of(olive)})
    client.post(PAGE, {"begin": "1"})
    client.post(PAGE, {"begin": "1", "identity-password": "a-wrong-password"})
    [device] = TOTPDevice.objects.all()
    assert (device.key, device.confirmed) == (key, False)
    client.post(PAGE, {"begin": "1", "identity-password": PASSWORD})
    [device] = TOTPDevice.objects.all()
    assert device.key != key
    assert "image.svg" in client.get(PAGE).content.decode()
    client.post(PAGE, {"code": code_of(olive)})
    assert TOTPDevice.objects.get(user=olive).confirmed


def test_looking_after_it_takes_password_and_code(client: Client, olive: User) -> None:
    client.force_login(olive)
    old = set_up(client, olive)
    for form in (
        {},
        {"identity-password": PASSWORD},
        {"identity-password": "x", "identity-code": "1"},
    ):
        client.post(CHANGE, {**form, "remove": "1"})
        assert TOTPDevice.objects.filter(user=olive).exists()
    right = {"identity-password": PASSWORD, "identity-code": next_code(olive)}
    page = client.post(CHANGE, {**right, "codes": "1"}).content.decode()
    new = re.findall(r"<li><code>([a-z2-7]{8})</code>", page)
    assert not set(old) & set(new)
    right = {"identity-password": PASSWORD, "identity-code": next_code(olive)}
    client.post(CHANGE, {**right, "remove": "1"})
    assert not TOTPDevice.objects.exists()
    assert client.get("/admin/").status_code == 200
    assert actions()[-1] == "second_factor.removed"


@pytest.mark.parametrize(
    ("role", "must"),
    [
        ("operator", True),
        ("administrator", True),
        ("finance", False),
        ("auditor", False),
        ("executive", False),
        ("superuser", True),
    ],
)
def test_where_it_is_required_whoever_moves_money_sets_one_up_first(
    client: Client, settings: Any, role: str, must: bool
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    user = User.objects.create_user("olive", is_staff=True, is_superuser=role == "superuser")
    user.groups.set(Group.objects.filter(name=role))
    client.force_login(user)
    answer = client.get("/admin/")
    assert answer.status_code == (302 if must else 200)
    assert client.post("/accounts/logout/").status_code == 302
    if must:
        assert answer["Location"] == PAGE
        client.force_login(user)
        set_up(client, user)
        assert client.get("/admin/").status_code == 200


def test_production_requires_it_and_development_does_not() -> None:
    from config.tests.test_settings import SECRETS, manage, production

    shown = ("diffsettings", "--all")
    assert "SECOND_FACTOR_REQUIRED = True" in production(*shown, **SECRETS).stdout
    local = manage(*shown, DATABASE_URL="postgres://nobody@127.0.0.1:9/x").stdout
    assert "SECOND_FACTOR_REQUIRED = False" in local


def test_an_administrator_takes_away_what_was_lost_but_no_superusers(
    client: Client, olive: User, superuser: User
) -> None:
    for user in (olive, superuser):
        TOTPDevice.objects.create(user=user, confirmed=True)
    administrator = User.objects.create_user("ada", is_staff=True)
    administrator.groups.add(Group.objects.get(name="administrator"))
    client.force_login(administrator)
    form = {"action": "take_second_factor", "confirmed": "1", "reason": "lost her phone"}
    chosen = {"_selected_action": [olive.pk, superuser.pk]}
    client.post("/admin/auth/user/", {**form, **chosen})
    assert [device.user for device in TOTPDevice.objects.all()] == [superuser]
    event = AuditEvent.objects.get(action="second_factor.removed")
    assert (event.reason, event.target_id) == ("lost her phone", str(olive.pk))


def test_the_secrets_have_no_page_in_the_admin() -> None:
    from django.contrib import admin

    assert not [model for model in admin.site._registry if "otp" in model._meta.app_label]
