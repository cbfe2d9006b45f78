"""``python -m standin``: serve on loopback until a signal ends it."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from .errors import RefusedToStartError
from .standin import StandIn
from .world import API_VERSION


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="standin", description=__doc__)
    options.add_argument("--port", type=int, default=12111, help="0 takes any free one")
    options.add_argument("--state", help="file that keeps the objects between runs")
    options.add_argument("--webhook-url", help="where events are sent")
    options.add_argument(
        "--webhook-secret",
        action="append",
        help="whsec_…; give it twice while a secret is rotated",
    )
    options.add_argument("--seed", type=int, default=0, help="makes ids repeatable")
    options.add_argument("--api-version", default=API_VERSION, help="the account's version")
    options.add_argument("--endpoint-api-version", help="the webhook endpoint's own version")
    options.add_argument("--settlement", default="usd", help="currencies, the default one first")
    options.add_argument("--async-capture", action="store_true", help="settle charges later")
    options.add_argument("--livemode", action="store_true", help="control the live mode")
    options.add_argument("--now", type=int, help="unix time to stand still at")
    options.add_argument("--key", action="append", default=[], help="another key to accept")
    return options


def _scopes(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split(",") if entry)
    return {name: level for name, _, level in pairs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; 0 after a clean end, 2 when it refuses to start."""
    given = parser().parse_args(arguments)
    try:
        standin = StandIn(
            port=given.port,
            seed=given.seed,
            state=given.state,
            webhook_url=given.webhook_url,
            webhook_secret=given.webhook_secret or "whsec_standin",
            api_version=given.api_version,
            endpoint_api_version=given.endpoint_api_version,
            settlement=tuple(given.settlement.lower().split(",")),
            async_capture=given.async_capture,
            livemode=given.livemode,
            now=given.now,
        )
        for entry in given.key:
            # rk_test_x:charge=read,refund=write
            key, _, scopes = entry.partition(":")
            standin.add_key(key, _scopes(scopes))
        standin.start()
    except (RefusedToStartError, OSError, ValueError) as error:
        print(f"standin: {error}", file=sys.stderr)
        return 2
    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print(f"Stand-in for Stripe on {standin.url} (key {standin.secret_key})", flush=True)
    ended.wait()
    standin.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
