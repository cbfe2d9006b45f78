"""``manage.py createsuperuser``: Django's own, in the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User

from auditlog.services import record
from config.management.recorded import recorded
from governance.people import rights_of


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with recorded("createsuperuser", made):
            super().handle(*args, **options)


def made(user: User) -> None:
    record("user.add", user, after=rights_of(user))
