"""Names of actions that others look for in the audit log."""

# A backup that was written whole and can be read. Recorded by whatever takes backups; a check
# misses it when it is too long ago.
BACKUP_SUCCEEDED = "backup.succeeded"

# The whole log was verified; ``after`` has its head then and what was wrong.
AUDIT_VERIFIED = "audit.verified"
