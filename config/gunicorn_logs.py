"""gunicorn's own lines: of its start, its workers, and each request where that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from gunicorn.glogging import Logger

from config.logs import JsonFormatter
from config.redaction import RedactingFilter


class LineLogger(Logger):  # type: ignore[misc]  # it is untyped
    """gunicorn's own, without what a log may not hold."""

    formatter: logging.Formatter | None = None

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.addFilter(RedactingFilter())
            if self.formatter:
                handler.setFormatter(self.formatter)


class JsonLogger(LineLogger):
    """In the same form as ours."""

    formatter = JsonFormatter()

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: Any) -> None:
        """What was asked for, without its query: that may hold names and addresses."""
        if self.access_log_enabled:
            atoms = self.atoms(resp, req, environ, request_time)
            self.access_log.info(
                "%s %s %s in %d ms",
                *(atoms[name] for name in ("m", "U", "s", "M")),
                extra={"cause": {"request_id": atoms.get("{x-request-id}o")}},
            )
