"""Production refuses to start without its secrets, and its settings pass Django's own review."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import warnings

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.secret import Secret
from config.testing import path_of
from config.tests.processes import BASE_DIR

SECRETS = {
    "SECRET_KEY": "k9-0f3b1d6b2a7c4e58_a1!x7Qz4mVwTnRpLsJdHgKfByCuEoIi",
    "ALLOWED_HOSTS": "countinghouse.example",
    "DATABASE_URL": "postgres://app@db.example/countinghouse",
    "STRIPE_WEBHOOK_SECRETS": "whsec_one,whsec_two",
}


def manage(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py`` with no more of the environment than the path and ``env``."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
    )


def production(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return manage(*arguments, COUNTINGHOUSE_ENV="production", **env)


def refusal(monkeypatch: pytest.MonkeyPatch, **env: str) -> str:
    """Why the settings refuse an environment that holds no more than ``env``."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refused, warnings.catch_warnings():
        runpy.run_path(str(BASE_DIR / "config" / "settings.py"))
    return str(refused.value)


without_dotenv = pytest.mark.skipif(
    (BASE_DIR / ".env").exists(), reason="the .env here sets what is left out"
)


@without_dotenv
def test_a_refusal_is_one_line() -> None:
    result = production("check")
    assert result.returncode == 1
    assert result.stderr == "SECRET_KEY must be set when COUNTINGHOUSE_ENV is production.\n"


@without_dotenv
@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [None, " , "])
def test_production_refuses_to_start_without(
    name: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {k: v for k, v in {**SECRETS, name: value}.items() if v is not None}
    said = refusal(monkeypatch, COUNTINGHOUSE_ENV="production", **secrets)
    assert said == f"{name} must be set when COUNTINGHOUSE_ENV is production."


def test_development_takes_what_is_empty_for_left_out() -> None:
    script = "from django.conf import settings; print(settings.DATABASES['default']['HOST'])"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings"}
        | dict.fromkeys(SECRETS, ""),
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "localhost", result.stderr


def test_production_passes_the_deployment_check() -> None:
    result = production("check", "--deploy", "--fail-level", "WARNING", **SECRETS)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("COUNTINGHOUSE_ENV", "staging", "it can be development, test or production"),
        ("REPORTING_TIME_ZONE", "Berlin", "which isn't a time zone such as Europe/Berlin"),
        ("ORDERS_FROM_STRIPE", "maybe", "it can be auto or off"),
        ("ALERT_SEVERITY", "loud", "it can be low, medium, high or critical"),
        ("SITE_URL", "ch.example", "it must be like https://countinghouse.example"),
        ("REFUND_CONFIRM_ABOVE", "much", "isn't an amount such as 500 or jpy=80000"),
        ("TRUSTED_PROXIES", "proxy.example", "does not appear to be an IPv4 or IPv6 network"),
        ("DATABASE_POOL_MAX", "many", "it must be a whole number"),
        ("FULFIL_WITHIN_HOURS", "-1", "it must be 0 or more"),
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/x", variable: value}
    said = refusal(monkeypatch, **env)
    assert said.startswith(f"{variable} is {value!r}")
    assert len(said.splitlines()) == 1
    assert message in said


def test_a_database_of_another_make_is_refused_and_its_password_kept_back() -> None:
    result = manage("check", DATABASE_URL="mysql://user:secret@db.example/x")
    assert result.returncode == 1
    assert result.stderr == "DATABASE_URL must be like postgres://user:password@host/database.\n"


def test_debug_is_refused_in_production() -> None:
    result = production("check", DEBUG="true", **SECRETS)
    assert result.returncode == 1
    assert "DEBUG can't be on when COUNTINGHOUSE_ENV is production." in result.stderr


def test_manage_py_test_runs_the_same_suite() -> None:
    # Without DATABASE_URL, as a newcomer has it: the server of the tests is found by itself.
    passed = manage("test", "config.tests.test_testing", "-k", "knew", "-v", "2")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "test_the_settings_knew_the_tests_server PASSED" in passed.stdout
    assert "1 passed" in passed.stdout


def test_a_label_is_an_app_a_module_a_name_in_it_or_a_path() -> None:
    assert path_of("payments") == "payments"
    assert path_of("config.tests") == "config/tests"
    assert path_of("config.tests.test_settings") == "config/tests/test_settings.py"
    assert path_of("config.tests.test_settings.manage") == "config/tests/test_settings.py::manage"
    assert path_of("config.tests.test_missing") == "config.tests.test_missing"  # pytest refuses it
    assert path_of("config/tests/test_settings.py") == "config/tests/test_settings.py"


def test_addresses_of_alerts_are_apart_by_space_or_comma_and_shown_by_nothing() -> None:
    urls = "json://a.example/?to=x,y,slack://Xk29/b  mailto://c@d.example\nslack://Xk29/b,"
    result = manage(
        "diffsettings",
        "--all",
        "--output",
        "unified",
        DATABASE_URL="postgres://x@y/z",
        ALERT_URLS=urls,
    )
    assert result.returncode == 0, result.stderr
    assert "ALERT_URLS = ['********', '********', '********']" in result.stdout
    assert "Xk29" not in result.stdout
    assert Secret.several(urls) == [
        "json://a.example/?to=x,y",
        "slack://Xk29/b",
        "mailto://c@d.example",
    ]
