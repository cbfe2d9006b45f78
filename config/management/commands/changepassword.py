"""``manage.py changepassword``: Django's own, in the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User

from auditlog.services import record
from config.management.recorded import recorded


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        with recorded("changepassword", changed):
            said: str | None = super().handle(*args, **options)
        return said


def changed(user: User) -> None:
    record("user.password", user)
