"""Production refuses to start without its secrets, and its settings pass Django's own review."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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


@pytest.mark.skipif((BASE_DIR / ".env").exists(), reason="the .env here sets what is left out")
@pytest.mark.parametrize("name", SECRETS)
def test_production_refuses_to_start_without(name: str) -> None:
    result = production("check", **{k: v for k, v in SECRETS.items() if k != name})
    assert result.returncode == 1
    assert f"{name} must be set when COUNTINGHOUSE_ENV is production." in result.stderr


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
    ],
)
def test_a_value_that_means_nothing_is_refused_by_name(
    variable: str, value: str, message: str
) -> None:
    result = manage("check", **{"DATABASE_URL": "postgres://nobody@127.0.0.1:9/x", variable: value})
    assert result.returncode == 1
    assert f"{variable} is {value!r}" in result.stderr
    assert message in result.stderr


def test_debug_is_refused_in_production() -> None:
    result = production("check", DEBUG="true", **SECRETS)
    assert result.returncode == 1
    assert "DEBUG can't be on when COUNTINGHOUSE_ENV is production." in result.stderr


def test_manage_py_test_runs_the_same_suite() -> None:
    url = os.environ["DATABASE_URL"]
    test = "config/tests/test_bootstrap.py::test_make_alone_lists_its_targets"
    passed = manage("test", test, "-v", "2", DATABASE_URL=url)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "test_make_alone_lists_its_targets PASSED" in passed.stdout
    assert "1 passed" in passed.stdout
    assert manage("test", f"{test}_and_more", DATABASE_URL=url).returncode != 0


def test_a_label_is_an_app_a_module_or_a_path() -> None:
    assert path_of("payments") == "payments"
    assert path_of("config.tests.test_settings") == "config/tests/test_settings.py"
    assert path_of("config/tests/test_settings.py") == "config/tests/test_settings.py"
