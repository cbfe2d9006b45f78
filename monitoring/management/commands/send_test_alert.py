"""``manage.py send_test_alert``: do the channels in ALERT_URLS work?"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from auditlog.context import acting_as, job
from monitoring.models import AlertDelivery
from monitoring.services.alerts import try_channels


class Command(BaseCommand):
    help = "Send a test to every channel in ALERT_URLS. Exits 1 when one didn't take it."

    def handle(self, **options: Any) -> None:
        with acting_as(job("send_test_alert")):
            tried = try_channels()
        if not tried:
            raise CommandError("ALERT_URLS is empty, so there is no channel to try.")
        for delivery in tried:
            if delivery.status == AlertDelivery.Status.SENT:
                self.stdout.write(f"{delivery.label}: sent")
            else:
                self.stdout.write(f"{delivery.label}: not sent. {delivery.error}")
        if any(delivery.error for delivery in tried):
            sys.exit(1)
