"""What Countinghouse is able to do, each figure beside its limit, and how both grow with the data.

``python bench/run.py [--scale 10k,100k,1m] [--only NAME …] [--out docs/performance.json]`` prints a
table and writes .local/bench.json. Server, database and whoever asks share this machine. The
databases are made on the first run and kept; ``--drop`` deletes them.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BASE_DIR))

from bench import databases  # noqa: E402
from bench.table import lines  # noqa: E402

EMPTY = "bench_empty"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--scale", default="10k,100k,1m", help=f"some of {','.join(databases.SCALES)} (%(default)s)"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", default=["*"], help='such as run_checks or "page:*"'
    )
    parser.add_argument("--list", action="store_true", help="say what is measured, and stop")
    parser.add_argument("--out", type=Path, help="write the JSON there too")
    parser.add_argument("--drop", action="store_true", help="delete the databases, and stop")
    given = parser.parse_args()
    given.scales = given.scale.split(",")
    if unknown := set(given.scales) - set(databases.SCALES):
        parser.error(f"no scale is called {', '.join(sorted(unknown))}")
    return given


def known(env: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What can be measured, by name."""
    said = subprocess.run(
        [sys.executable, "-m", "bench.measure", "--list"],
        cwd=BASE_DIR,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return dict(json.loads(said))


def measured(env: dict[str, str], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Each as it comes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.measure", *names],
        cwd=BASE_DIR,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        yield json.loads(line)
    if code := process.wait():
        sys.exit(f"Measuring ended with {code}.")


def machine() -> dict[str, Any]:
    """On which machine, and with what."""
    with databases.administration() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "postgres": row[0] if row else "",
        "load_before": round(os.getloadavg()[0], 1),
    }


def processor() -> str:
    """Its name, where the system tells."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def main() -> None:
    given = arguments()
    if given.drop:
        for database in (*(f"bench_{scale}" for scale in databases.SCALES), EMPTY):
            databases.drop(database)
        return
    about = machine()
    everything = known(databases.environment("postgres"))
    chosen = [
        name
        for name in everything
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in given.only)
    ]
    if not chosen or given.list:
        for name, one in everything.items():
            print(f"{name:<44}{one['what']}: {one['target']}")
        sys.exit(0 if given.list else "Nothing has such a name.")
    results: dict[str, dict[str, Any]] = {
        name: {**everything[name], "scales": {}} for name in chosen
    }
    scaled = [name for name in chosen if everything[name]["scaled"]]
    once = [name for name in chosen if not everything[name]["scaled"]]
    work = [(scale, f"bench_{scale}", scaled) for scale in given.scales if scaled]
    work += [("once", EMPTY, once)] if once else []
    for scale, database, names in work:
        env = databases.make(EMPTY) if scale == "once" else databases.loaded(scale)
        for number, found in enumerate(measured(env, names), 1):
            name = found.pop("name")
            results[name]["scales"][scale] = found
            print(f"{scale} {number}/{len(names)} {name}", file=sys.stderr, flush=True)
            write({**about, "capabilities": results}, given.out)  # so that a break loses nothing
        about.setdefault("sizes_gb", {})[scale] = round(databases.size(database) / 1e9, 2)
    databases.drop(EMPTY)
    report = {**about, "capabilities": results}
    write(report, given.out)
    for line in lines(report):
        print(line)


def write(report: dict[str, Any], out: Path | None) -> None:
    """To .local/bench.json, and where it is wanted too."""
    local = BASE_DIR / ".local"
    local.mkdir(exist_ok=True)
    for path in filter(None, (local / "bench.json", out)):
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
