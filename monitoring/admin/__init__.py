"""Pages of issues, runs of the checks, and jobs."""

from monitoring.admin import issues, jobs, runs

__all__ = ["issues", "jobs", "runs"]
