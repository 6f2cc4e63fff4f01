"""The command line of `python benchmarks/queue.py`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.queue_speed import depth, enqueuing, latency, scale, throughput
from benchmarks.queue_speed.bed import bed
from benchmarks.queue_speed.figures import Figure, jsonable, table
from benchmarks.queue_speed.others import install

from mesh_runtime.database import connect

PARTS = {
    "throughput": throughput.measure,
    "enqueue": enqueuing.measure,
    "latency": latency.measure,
    "depth": depth.measure,
    "scale": scale.measure,
}


def main() -> int:
    """Measure, and say what came of it; 1 if a target was missed."""
    options = _options()
    if options.install_peers:
        install()
        return 0
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="mesh-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server is another user's when root runs this
        runs = options.runs or (1 if options.quick else 5)
        with bed(folder, url=options.url, quick=options.quick, runs=runs, peers=not options.no_peers) as made:
            about = _about(made.server, runs, quick=options.quick)
            for part in options.only or PARTS:
                for figure in PARTS[part](made):
                    figures.append(figure)
                    print(f"{time.strftime('%H:%M:%S')} {figure.name}: {figure.figure}", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"about": about, "figures": jsonable(figures)}, indent=2))
    else:
        print(table(figures))
        print(about)
    return int(any(figure.met is False for figure in figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/queue.py", description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, one run: to see that it works")
    parser.add_argument("--runs", type=int, help="take the median of so many (default 5; 1 with --quick)")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given several times")
    parser.add_argument("--no-peers", action="store_true", help="leave the others out")
    parser.add_argument("--install-peers", action="store_true", help="install the others into a cache folder, and end")
    parser.add_argument("--url", help="a durable server whose databases may be made and dropped; default a new one")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _about(server: str, runs: int, *, quick: bool) -> str:
    with connect(server) as connection:
        version = connection.execute("SHOW server_version").fetchone()
    load = os.getloadavg()[0]
    return (
        f"PostgreSQL {version and version[0]}, fsync and synchronous_commit on; Python {platform.python_version()}, "
        f"{os.cpu_count()} cores shared by client and server, load {load:.1f} before; median of {runs}"
        + (", quick" if quick else "")
    )
