"""The settings of the tests' workers: no schedule, so that nothing runs but what a test has begun;
and the jobs of ``config.tests.jobs``."""

from config.settings import *  # noqa: F403

PROCRASTINATE_IMPORT_PATHS = ["config.tests.jobs"]
