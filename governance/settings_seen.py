"""Which settings a process started with, in the audit log whenever they are others than before."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils.crypto import salted_hmac

from auditlog.context import acting_as, job
from auditlog.models import AuditEvent
from auditlog.services import record
from governance.audited import SETTINGS_SEEN

logger = logging.getLogger(__name__)

LOCK = 0x5E77  # any number that no other advisory lock of ours uses
# What may be read by whoever reads the log. Of any other variable only a fingerprint is kept: a new
# one is taken for a secret until somebody has thought about it.
NO_SECRETS = frozenset(
    {
        "ALERT_SEVERITY",
        "ALLOWED_HOSTS",
        "AUDIT_YEARS",
        "BACKUP_DIR",
        "BACKUP_KEEP",
        "BACKUP_WITHIN_DAYS",
        "BEHIND_PROXY",
        "CHECKS_WITHIN_HOURS",
        "COUNTINGHOUSE_ENV",
        "CSRF_TRUSTED_ORIGINS",
        "DATABASE_POOL_MAX",
        "DEBUG",
        "EVENT_PAYLOAD_DAYS",
        "FINISHED_JOB_DAYS",
        "FULFIL_WITHIN_HOURS",
        "LOG_FORMAT",
        "LOG_LEVEL",
        "MRR_COUNTS_PAST_DUE",
        "MRR_COUNTS_PAUSED",
        "MRR_COUNTS_TRIALS",
        "MRR_COUNTS_UNPAID",
        "MRR_SUBTRACTS_LIMITED_COUPONS",
        "ORDERS_FROM_STRIPE",
        "PENDING_ORDER_DAYS",
        "PG_BIN",
        "REPORTING_TIME_ZONE",
        "REQUEST_SECONDS",
        "SECURE_HSTS_SECONDS",
        "SECURE_SSL_REDIRECT",
        "SIGN_IN_ATTEMPT_DAYS",
        "SITE_URL",
        "STRIPE_ACCOUNT",
        "STRIPE_API_BASE",
        "STRIPE_MAX_ATTEMPTS",
        "STRIPE_REQUESTS_PER_SECOND",
        "SUBSCRIPTION_PAST_DUE_DAYS",
    }
)


def note_at_start(process: str) -> None:
    """Record the settings that ``process`` (web, worker) starts with; a database that is away, or
    not migrated yet, keeps nobody from starting."""
    try:
        note_settings(process)
    except DatabaseError as error:
        logger.warning("The settings aren’t in the audit log: %s", error)
    finally:
        connection.close()


def note_settings(process: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Record the settings of ``process``, unless its last start had the same; whether it did."""
    seen = {"process": process, **described(environment)}
    with acting_as(job(process)), transaction.atomic():
        with connection.cursor() as cursor:
            # Processes that start together have seen one thing.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        last = (
            AuditEvent.objects.filter(action=SETTINGS_SEEN, after__process=process)
            .order_by("-at", "-id")
            .first()
        )
        if last and last.after == seen:
            return False
        record(SETTINGS_SEEN, before=last.after if last else {}, after=seen)
    return True


def described(environment: Mapping[str, str]) -> dict[str, Any]:
    """The variables that are set: the values of those that are no secrets, and of the others what
    tells one value from another to whoever doesn't have the signing key."""
    given = {name: environment[name] for name in settings.VARIABLES if environment.get(name)}
    return {
        "values": {name: value for name, value in given.items() if name in NO_SECRETS},
        "fingerprints": {
            name: salted_hmac(SETTINGS_SEEN, value, algorithm="sha256").hexdigest()[:12]
            for name, value in given.items()
            if name not in NO_SECRETS
        },
    }
