"""The long chaos test: 100,000 jobs and more through four workers, while everything that can be killed is killed.

Run `python benchmarks/chaos.py`. It starts a server of its own, enqueues jobs of every kind without pause, kills a
random worker every second, freezes others beyond their leases, drops connections and stops the server at once; then it
lets the queue become empty and checks every guarantee, by a log of each start and each lease. Exits with 1 if one is
broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.runtime.queue.chaos.scene import Plan, play
from tests.runtime.queue.chaos.storm import Every


def main() -> int:
    """Play it and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="enqueue at least so many jobs")
    parser.add_argument("--seconds", type=float, default=0, help="and for at least so long")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--backlog", type=int, default=3000, help="never let more jobs wait")
    parser.add_argument("--lease", type=float, default=3.0, help="of the workers, in seconds")
    parser.add_argument("--restart", type=float, default=20.0, help="seconds between two immediate stops of the server")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    plan = Plan(
        seconds=options.seconds,
        jobs=options.jobs or None,
        workers=options.workers,
        concurrency=options.concurrency,
        backlog=options.backlog,
        lease=options.lease,
        drain=600,
        seed=options.seed,
        every=Every(restart=options.restart),
    )
    with tempfile.TemporaryDirectory(prefix="mesh-chaos-") as folder:
        Path(folder).chmod(0o755)
        report = play(plan, Path(folder))
    if options.json:
        print(json.dumps({"problems": report.problems, "figures": report.figures}, default=str, indent=2))
    else:
        for name, figure in report.figures.items():
            print(f"{name:>22}  {figure}")
        print("\n".join(report.problems) or "every guarantee held")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
