"""``manage.py seal_audit``: seal the audit log now; the worker does it every minute."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from auditlog.sealing import seal
from auditlog.verification import head


class Command(BaseCommand):
    help = "Seal what is in the audit log and not sealed yet. The worker does it every minute."

    def handle(self, **options: Any) -> None:
        count = seal()
        self.stdout.write(f"{count:,} rows sealed")
        if newest := head():
            self.stdout.write(f"head {newest}")
