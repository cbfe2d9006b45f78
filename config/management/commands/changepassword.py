"""``manage.py changepassword``: Django's own, in the audit log."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import User
from django.db import transaction

from auditlog.context import acting_as, job
from auditlog.services import record


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        with acting_as(job("changepassword")), transaction.atomic():
            said: str | None = super().handle(*args, **options)
            name = options["username"] or getpass.getuser()
            record("user.password", User.objects.get(username=name))
        return said
