"""What the browser is told, and that production doesn't start half-set."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from config.tests.processes import BASE_DIR, loopback_socket
from config.tests.test_settings import SECRETS, production, without_dotenv

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/dashboard/", "/nowhere/", "/admin/"])
def test_every_answer_carries_the_rules(client: Client, superuser: User, path: str) -> None:
    client.force_login(superuser)
    headers = client.get(path).headers
    rules = {rule.strip() for rule in headers["Content-Security-Policy"].split(";")}
    assert rules == POLICY
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "nonce" not in headers["Content-Security-Policy"]
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "private" in headers["Cache-Control"]


def test_so_does_the_refusal_of_a_host(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["shop.example"], True
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["X-Request-ID"]


@pytest.mark.django_db
def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    client: Client, executive: User
) -> None:
    client.post(
        "/accounts/login/", {"username": "eve", "password": "a-long-test-password"}, follow=True
    )
    client.get("/accounts/password/")
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]


SHOWN = {
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SECURE_HSTS_PRELOAD": True,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SESSION_COOKIE_NAME": "__Host-sessionid",
    "CSRF_COOKIE_NAME": "__Host-csrftoken",
    "DEBUG": False,
    "SECOND_FACTOR_REQUIRED": True,
}


def test_production_sends_browsers_to_https_and_keeps_them_there() -> None:
    shown = production("diffsettings", "--all", **SECRETS).stdout
    for name, value in SHOWN.items():
        assert f"{name} = {value!r}" in shown, name


@without_dotenv
def test_gunicorn_says_in_one_line_what_is_missing_and_gives_up() -> None:
    with loopback_socket() as listening:
        arguments = ["-m", "gunicorn", "config.wsgi", "--bind", f"fd://{listening.fileno()}"]
        result = subprocess.run(
            [sys.executable, *arguments, "--workers", "1"],
            cwd=BASE_DIR,
            env={"COUNTINGHOUSE_ENV": "production"},
            pass_fds=[listening.fileno()],
            capture_output=True,
            text=True,
            timeout=60,
        )
    said = result.stdout + result.stderr
    assert result.returncode == 3
    assert "SECRET_KEY must be set when COUNTINGHOUSE_ENV is production.\n" in said
    assert "Traceback" not in said
    assert said.count("Booting worker") == 1
