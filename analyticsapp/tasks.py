"""Jobs of the analytics app; ``config.schedule`` says when they run."""

from __future__ import annotations

from procrastinate.contrib.django import app

from analyticsapp.services import snapshots


@app.task(queueing_lock="refresh_snapshots", pass_context=False)
def refresh_snapshots() -> None:
    """Count the days anew that changed since the last time."""
    snapshots.refresh()
