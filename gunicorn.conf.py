"""What gunicorn reads beside its command line: its threads, its logs, what processes share."""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from config.start import load_dotenv
from governance.metrics import latency

worker_class = "config.gunicorn_worker.Worker"
threads = 4  # the pool of connections to the database is larger
# Else it looks for a place in the home folder, which a second one would take over.
control_socket_disable = True

load_dotenv()
production = os.environ.get("COUNTINGHOUSE_ENV") == "production"
log_format = os.environ.get("LOG_FORMAT") or ("json" if production else "line")
logger_class = f"config.gunicorn_logs.{'JsonLogger' if log_format == 'json' else 'LineLogger'}"


def pre_fork(server: Any, worker: Any) -> None:
    """In the first process, which knows who lives."""
    taken = {one.latency_slot for one in server.WORKERS.values() if one is not worker}
    worker.latency_slot = latency.free_slot(taken)


def post_fork(server: Any, worker: Any) -> None:
    latency.use_slot(worker.latency_slot)
