"""What gunicorn reads beside its command line: how it logs, which is as the product does."""

import os

from config.start import load_dotenv

load_dotenv()
production = os.environ.get("COUNTINGHOUSE_ENV") == "production"
if (os.environ.get("LOG_FORMAT") or ("json" if production else "line")) == "json":
    logger_class = "config.gunicorn_logs.JsonLogger"
