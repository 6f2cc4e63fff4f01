"""How deep the queue may be, and how old somebody's snapshot, before it gets slower."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.queue_speed.bed import answer, child, wait_ready
from benchmarks.queue_speed.client import HANDLERS
from benchmarks.queue_speed.figures import Figure, rate, share
from benchmarks.queue_speed.throughput import LARGE, drained, fill

from mesh_runtime.database import connect
from mesh_runtime.queue import register_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.queue_speed.bed import Bed

_MANY = """
WITH put AS (
    INSERT INTO mesh.jobs (job_type, status, run_at, gate, blocked_by)
    SELECT %(type)s, %(status)s, now() + %(delay)s::interval, %(gate)s, CASE WHEN %(status)s = 'blocked' THEN 'gate' END
    FROM generate_series(1, %(number)s))
INSERT INTO mesh.job_moves (job_type, target, count) VALUES (%(type)s, %(status)s, %(number)s)
"""
_READY = {"type": "noop", "status": "pending", "delay": "0", "gate": None}


def measure(bed: Bed) -> Iterator[Figure]:
    """Shallow, then behind each kind of jobs that wait; then with an old snapshot."""
    jobs, many = bed.many(100_000, 10_000), bed.many(1_000_000, 50_000)
    capped = bed.many(100_000, 10_000)
    kinds = {
        f"{many:,} ready": (_READY, many),
        f"{many:,} far-future": (_READY | {"status": "scheduled", "delay": "30 days"}, many),
        f"{capped:,} capped by a gate": (_READY | {"status": "blocked", "gate": "capped"}, capped),
        f"{capped:,} paused": (_READY | {"type": "nap"}, capped),
    }
    ways = [partial(_behind, bed, jobs, kind, number) for kind, number in kinds.values()]
    shallow, *found = bed.medians(partial(_behind, bed, jobs, _READY, 0), *ways)
    yield rate("shallow: nothing else waits", shallow)
    for name, value in zip(kinds, found, strict=True):
        yield share(f"depth: {name} ahead", value, shallow, 0.8, "shallow")
    yield from _pinned(bed, jobs)


def _behind(bed: Bed, jobs: int, kind: dict[str, object], number: int) -> float:
    with bed.database() as url:
        with connect(url, autocommit=True) as connection:
            register_types(connection, HANDLERS.values())
            connection.execute("SELECT mesh.define_gate('capped', most_running => 1)")
            # Its one slot is taken, for as long as the measurement.
            connection.execute("UPDATE mesh.gates SET admitted = 1")
            connection.execute("UPDATE mesh.job_types SET paused = true WHERE name = 'nap'")
            connection.execute(_MANY, kind | {"number": number})
        fill(url, jobs)
        return drained(bed, url, prefetch=500, until=jobs)


def _pinned(bed: Bed, jobs: int) -> Iterator[Figure]:
    """A transaction reads and stays open while 2,000 jobs a second flow; then the queue is filled and drained."""
    seconds = bed.many(600, 20)
    with bed.database() as url:
        with connect(url) as old:
            old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            old.execute("SELECT count(*) FROM mesh.jobs")
            fill(url, jobs)
            before = drained(bed, url, prefetch=500)
            yield rate("shallow, in the database of the old snapshot", before)
            worker, flow = child("worker", bed.project, url, 500, LARGE, -1), child("flow", url, 2000, seconds)
            wait_ready(worker)
            flowed = answer(flow)["enqueued"]
            answer(worker)
            drained_rest = child("worker", bed.project, url, 500, LARGE, 0)
            answer(drained_rest)
            fill(url, jobs)
            name = f"REPEATABLE READ open for {seconds} s, {flowed:,} jobs"
            yield share(name, drained(bed, url, prefetch=500), before, 0.5, "shallow")
        time.sleep(bed.many(55, 20))
        fill(url, jobs)
        yield share("a minute after its end", drained(bed, url, prefetch=500), before, 0.8, "shallow")
