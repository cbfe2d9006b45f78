"""``python -m config.stop`` ends what runs in this clone: a demo, and the embedded servers."""

from __future__ import annotations

import sys

from bench import databases
from config import start, testing
from release.demo.alone import DemoFailed, end_running


def main() -> None:
    try:
        ended = ["the demo"] if end_running() else []
    except (DemoFailed, PermissionError) as error:
        sys.exit(f"The demo can't be stopped: {error}")
    if start.stop("postgres"):
        ended.append("the database server")
    if start.stop(databases.SERVER):
        ended.append("the server of the measurements")
    if testing.stop_unused():
        ended.append("the tests' database server")
    print(f"Stopped {' and '.join(ended)}." if ended else "Nothing was running.")


if __name__ == "__main__":
    main()
