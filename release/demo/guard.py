"""Ends what a killed demo leaves running.

``python -m release.demo.guard <descriptor of the demo's lock>`` reads the ids of the processes to
end, one a line, from its standard input, which ends when the demo does.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from release.demo.alone import ALL_ENDED, END_WITHIN


def runs(process: psutil.Process) -> bool:
    """Whether it does; a zombie that nobody collects doesn't."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def end(pids: Iterable[int]) -> None:
    """Ask the processes and their descendants to end, and kill those that don't."""
    family: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            family += [process, *process.children(recursive=True)]
    for step in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with suppress(psutil.NoSuchProcess):
                step(process)
        deadline = time.monotonic() + END_WITHIN
        while any(map(runs, family)) and time.monotonic() < deadline:
            time.sleep(0.05)


def main() -> None:
    pids = []
    for line in sys.stdin:
        if line == ALL_ENDED:
            return
        pids.append(int(line))
    os.truncate(int(sys.argv[1]), 0)  # the next demo waits instead of pointing at this one
    end(pids)


if __name__ == "__main__":
    main()
