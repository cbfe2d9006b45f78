"""Names of actions that others look for in the audit log."""

# A backup that was written whole and can be read. Recorded by whatever takes backups; a check
# misses it when it is too long ago.
BACKUP_SUCCEEDED = "backup.succeeded"
BACKUP_FAILED = "backup.failed"

# A backup was restored into a database of its own and held against what was counted when it was
# taken; ``after`` says which one, and ``reason`` what didn't agree.
RESTORE_DRILL_SUCCEEDED = "restore_drill.succeeded"
RESTORE_DRILL_FAILED = "restore_drill.failed"
# In the restored database itself.
BACKUP_RESTORED = "backup.restored"
