"""Backups of the database, and the proof that they can be restored."""
