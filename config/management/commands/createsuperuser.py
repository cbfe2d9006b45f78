"""``manage.py createsuperuser``: Django's own, in the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from auditlog.context import acting_as, job
from auditlog.services import record
from governance.people import rights_of


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with acting_as(job("createsuperuser")), transaction.atomic():
            last = User.objects.aggregate(last=Max("pk"))["last"] or 0
            super().handle(*args, **options)
            for user in User.objects.filter(pk__gt=last, is_superuser=True):
                record("user.add", user, after=rights_of(user))
