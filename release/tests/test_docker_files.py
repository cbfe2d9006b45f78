"""The files of the Docker path agree with one another, and hold no secret and no unsafe default."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent
COMPOSE = (BASE_DIR / "docker-compose.yml").read_text()
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<rest>[^}]*)\}")
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "STRIPE_WEBHOOK_SECRETS"}


def test_every_variable_of_compose_is_explained() -> None:
    explained = set(
        re.findall(r"^#?([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE)
    )
    used = {found["name"] for found in VARIABLE.finditer(COMPOSE)}
    assert used >= SECRETS
    assert used - explained == set()


def test_defaults_are_those_that_are_explained() -> None:
    lines = (BASE_DIR / ".env.example").read_text().splitlines()
    defaults = {
        found["name"]: found["rest"].removeprefix(":-")
        for found in VARIABLE.finditer(COMPOSE)
        if found["rest"].startswith(":-") and found["name"] != "ALLOWED_HOSTS"
    }
    assert "POSTGRES_IMAGE" in defaults
    for name, default in defaults.items():
        assert f"#{name}={default}" in lines, name


def test_no_secret_has_a_default() -> None:
    for found in VARIABLE.finditer(COMPOSE):
        if found["name"] in SECRETS:
            assert found["rest"].startswith(":?"), found[0]


def test_images_name_the_same_defaults_in_both_files() -> None:
    dockerfile = (BASE_DIR / "Dockerfile").read_text()
    for name in ("PYTHON_IMAGE", "POSTGRES_IMAGE"):
        [default] = re.findall(rf"^ARG {name}=(\S+)$", dockerfile, re.MULTILINE)
        assert f"${{{name}:-{default}}}" in COMPOSE
    # What is built without a target is what is deployed.
    assert re.findall(r"^FROM (.+)$", dockerfile, re.MULTILINE)[-1] == "production"


def test_what_must_not_be_in_an_image_is_kept_out() -> None:
    kept_out = (BASE_DIR / ".dockerignore").read_text().splitlines()
    for name in (".env", ".env.*", ".git", ".venv", ".local", "**/*.sqlite3", "**/*.dump*"):
        assert name in kept_out


def test_the_proof_is_a_script_that_bash_can_read() -> None:
    script = BASE_DIR / "scripts" / "docker_proof"
    assert os.access(script, os.X_OK)
    checked = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("service", ["migrate", "web", "worker"])
def test_what_runs_our_code_can_write_nothing_and_gain_nothing(service: str) -> None:
    common = COMPOSE.partition("x-app:")[2].partition("\nservices:")[0]
    for words in ("read_only: true", "- ALL", "no-new-privileges:true", "mem_limit:", "restart:"):
        assert words in common
    section = COMPOSE.partition(f"\n  {service}:\n")[2]
    assert section.startswith("    <<: *app\n")
