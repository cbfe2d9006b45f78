"""Is in the middle of a run of all checks until it is killed: for a test of what is left then."""

import os
import time
from collections.abc import Iterator
from datetime import datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from monitoring import registry  # noqa: E402
from monitoring.models import Kind, Severity  # noqa: E402
from monitoring.registry import Finding  # noqa: E402
from monitoring.services.runs import run_checks  # noqa: E402


@registry.check(
    name="hangs", kind=Kind.INTEGRITY, severity=Severity.LOW, meaning="For a test.", remedy="None."
)
def hang(now: datetime) -> Iterator[Finding]:
    time.sleep(300)
    yield from ()


run_checks()
