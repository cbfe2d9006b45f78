"""Checks that exist for a test alone, and a channel for alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from monitoring import registry
from monitoring.models import Kind, Severity
from monitoring.registry import Find
from monitoring.tests.receiver import Receiver

Register = Callable[..., None]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """The one channel for alerts."""
    one = Receiver()
    settings.ALERT_URLS = [one.url]
    yield one
    one.stop()


@pytest.fixture
def register() -> Iterator[Register]:
    """Register a check for the length of a test: ``register("name", find)``, again to replace;
    the names of its remedies may follow."""
    before = dict(registry._checks)

    def add(name: str, find: Find, *remedies: str, numbers: tuple[str, ...] = ()) -> None:
        registry._checks.pop(name, None)
        registry.check(
            name=name,
            kind=Kind.INTEGRITY,
            severity=Severity.MEDIUM,
            meaning="For a test.",
            remedy="None.",
            remedies=remedies,
            numbers=numbers,
        )(find)

    yield add
    registry._checks.clear()
    registry._checks.update(before)
