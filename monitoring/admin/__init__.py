"""Pages of issues, runs of the checks, alerts, and jobs."""

from monitoring.admin import alerts, issues, jobs, runs

__all__ = ["alerts", "issues", "jobs", "runs"]
