"""What gunicorn reads beside its command line: how it logs, and what its processes share."""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from config.start import load_dotenv
from governance.metrics import latency

load_dotenv()
production = os.environ.get("COUNTINGHOUSE_ENV") == "production"
if (os.environ.get("LOG_FORMAT") or ("json" if production else "line")) == "json":
    logger_class = "config.gunicorn_logs.JsonLogger"


def pre_fork(server: Any, worker: Any) -> None:
    """In the first process, which knows who lives."""
    taken = {one.latency_slot for one in server.WORKERS.values() if one is not worker}
    worker.latency_slot = latency.free_slot(taken)


def post_fork(server: Any, worker: Any) -> None:
    latency.use_slot(worker.latency_slot)
