"""The schedule's backups and drills. A failure is in the audit log, and fails the job."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings

from auditlog.context import acting_as, job
from release.backup.database import BackupError
from release.backup.drill import drill
from release.backup.taking import take

logger = logging.getLogger(__name__)


def backup() -> None:
    """Back the database up into ``BACKUP_DIR``.

    Raises:
        BackupError: that failed.
    """
    with acting_as(job("backup")):
        take(Path(settings.BACKUP_DIR), keep=settings.BACKUP_KEEP, say=logger.info)


def restore_drill() -> None:
    """Restore the newest backup of ``BACKUP_DIR`` and look at all of it.

    Raises:
        BackupError: something is wrong with it.
    """
    with acting_as(job("restore_drill")):
        seen = drill(Path(settings.BACKUP_DIR), say=logger.info)
    if seen.problems:
        raise BackupError("; ".join(seen.problems))
