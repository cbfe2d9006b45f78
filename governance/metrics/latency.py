"""How long requests take, counted over all processes of a web server.

A scrape reaches one process and asks about all of them, so the counts lie in memory that they
share: gunicorn imports this before it forks (``gunicorn.conf.py``). Each process writes a slot of
its own, so none waits for another; the slot of one that has ended goes on to the next, for counts
never fall. Without gunicorn there is one process and one slot.
"""

from __future__ import annotations

import mmap
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Collection
from functools import cache

from django.http import HttpRequest, HttpResponse

from governance.metrics.text import Metric

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CELLS = len(SECONDS) + 2  # requests up to each of them, requests above, and microseconds in all
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
NO_ROUTE = "none"  # static files, addresses that don't exist, and what is answered before
MOST_ROUTES = 1024
SLOTS = 64
ROW = len(CLASSES) * CELLS
SLOT = MOST_ROUTES * ROW

# The last number says how many slots have been in use. Memory that nobody touches costs nothing.
_counts = memoryview(mmap.mmap(-1, (SLOTS * SLOT + 1) * 8)).cast("Q")
_lock = threading.Lock()
_slot = 0


def free_slot(taken: Collection[int]) -> int:
    """A slot for a process that is about to start; ``taken`` are those of the living ones. Past the
    last one they share it and may lose a count."""
    slot = next((slot for slot in range(SLOTS) if slot not in taken), SLOTS - 1)
    _counts[-1] = max(_counts[-1], slot + 1)
    return slot


def use_slot(slot: int) -> None:
    """Let this process write there."""
    global _slot
    _slot = slot


@cache
def routes() -> dict[str, int]:
    """Each address by its pattern, with its row: the same in all processes of the same code."""
    from governance.access import addresses

    found = dict.fromkeys([NO_ROUTE, *(f"/{one.route}" for one in addresses())])
    return {route: row for row, route in enumerate(list(found)[:MOST_ROUTES])}


def observe(route: str, status: int, seconds: float) -> None:
    """Count one request."""
    row = routes().get(route, 0)
    at = _slot * SLOT + row * ROW + (min(max(status // 100, 1), 5) - 1) * CELLS
    with _lock:
        _counts[at + bisect_left(SECONDS, seconds)] += 1
        _counts[at + CELLS - 1] += int(seconds * 1_000_000)


def durations() -> Metric:
    """The histogram, of the routes that were asked for."""
    metric = Metric(
        "http_request_duration_seconds",
        "Seconds until an answer began, by route and class of status.",
        kind="histogram",
    )
    for route, row in routes().items():
        for number, status in enumerate(CLASSES):
            cells = cells_of(row * ROW + number * CELLS)
            if not any(cells):
                continue
            labels = {"route": route, "status": status}
            count = 0
            for limit, more in zip((*SECONDS, "+Inf"), cells, strict=False):
                count += more
                metric.add(count, suffix="_bucket", **labels, le=str(limit))
            metric.add(cells[-1] / 1_000_000, suffix="_sum", **labels)
            metric.add(count, suffix="_count", **labels)
    return metric


def cells_of(at: int) -> list[int]:
    """The sums of all slots."""
    used = range(max(_counts[-1], 1))
    slots = (_counts[slot * SLOT + at : slot * SLOT + at + CELLS] for slot in used)
    return [sum(cells) for cells in zip(*slots, strict=True)]


class LatencyMiddleware:
    """Measures each request; what is streamed, until it begins."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = f"/{match.route}" if match else NO_ROUTE
        observe(route, response.status_code, time.perf_counter() - started)
        return response
