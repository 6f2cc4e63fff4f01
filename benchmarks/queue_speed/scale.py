"""Several processes, and much history."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.queue_speed.bed import answer, child, wait_ready
from benchmarks.queue_speed.client import HANDLERS
from benchmarks.queue_speed.figures import Figure, rate
from benchmarks.queue_speed.throughput import LARGE, fill, span

from mesh_runtime.database import connect
from mesh_runtime.queue import NewJob, enqueue_many, register_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.queue_speed.bed import Bed

_LEFT = "SELECT (SELECT count(*) FROM mesh.jobs), (SELECT count(*) FROM mesh.leases)"
_MIDDLE = """
SELECT %(jobs)s / 2 / extract(epoch FROM max(completed_at) - min(completed_at))::float8 FROM (
    SELECT completed_at FROM mesh.history WHERE job_type = 'nap' ORDER BY completed_at
    OFFSET %(jobs)s / 4 LIMIT %(jobs)s / 2) AS middle
"""
_HISTORY = """
WITH put AS (
    INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, attempts, rescues, duration_ms,
                              created_at, started_at, completed_at)
    SELECT gen_random_uuid(), 'noop', 'completed', 0, '{}', 1, 1, 0, 5, at, at, at
    FROM generate_series(1, %(number)s) n CROSS JOIN LATERAL (SELECT now() - n * interval '1 second' / 100) AS t (at))
INSERT INTO mesh.job_moves (job_type, source, target, count, total_ms, at)
SELECT 'noop', NULL, 'pending', %(number)s::bigint, NULL::bigint, now() - interval '2 hours'
UNION ALL SELECT 'noop', 'pending', 'running', %(number)s::bigint, NULL, now() - interval '2 hours'
UNION ALL SELECT 'noop', 'running', 'completed', %(number)s::bigint, 5 * %(number)s::bigint, now() - interval '2 hours'
"""


def measure(bed: Bed) -> Iterator[Figure]:
    """Four processes beside one; the counts of ten million jobs."""
    one, four = bed.medians(lambda: _naps(bed, 1), lambda: _naps(bed, 4))
    yield rate("20 ms async handlers, concurrency 10, one process", one)
    yield _times("the same, four processes", four, one, 3.6)
    one, four = bed.medians(lambda: _noops(bed, 1), lambda: _noops(bed, 4))
    yield rate("no-op, one process", one)
    yield _times("no-op, four processes", four, one, 0.9)
    yield _stats(bed)


def _times(name: str, value: float, of: float, least: float) -> Figure:
    times = value / of
    figure = f"{value:,.0f}/s = {times:.2f} times"
    return Figure(name=name, figure=figure, value=value, target=f">= {least} times one", met=times >= least)


def _naps(bed: Bed, number: int) -> float:
    """The rate in the middle: what each process does once all of them run."""
    jobs = bed.many(6_000, 2_000) * number
    with bed.database() as url, connect(url, autocommit=True) as connection:
        fill(url, jobs, "nap")
        for process in [child("worker", bed.project, url, 500, 10, 0) for _ in range(number)]:
            answer(process)
        row = connection.execute(_MIDDLE, {"jobs": jobs}).fetchone()
        assert row is not None
        return float(row[0])


def _noops(bed: Bed, number: int) -> float:
    """All processes run before the first job comes, and all jobs come at once."""
    jobs = bed.many(200_000, 40_000)
    with bed.database() as url, connect(url, autocommit=True) as connection:
        register_types(connection, HANDLERS.values())
        processes = [child("worker", bed.project, url, 500, LARGE, -1) for _ in range(number)]
        for process in processes:
            wait_ready(process)
        time.sleep(2)
        enqueue_many(connection, [NewJob(job_type="noop", payload={}) for _ in range(jobs)])
        while connection.execute(_LEFT).fetchone() != (0, 0):
            time.sleep(0.2)
        for process in processes:
            answer(process)
        return span(connection, "noop", datetime.fromtimestamp(0, UTC), jobs)


def _stats(bed: Bed) -> Figure:
    number = bed.many(10_000_000, 200_000)
    with bed.database() as url, connect(url, autocommit=True) as connection:
        register_types(connection, HANDLERS.values())
        for _ in range(10):
            connection.execute(_HISTORY, {"number": number // 10})
        connection.execute("ANALYZE mesh.history")
        connection.execute("SELECT mesh.tick()")
        took = []
        for _ in range(20):
            began = time.perf_counter()
            connection.execute("SELECT * FROM mesh.queue_stats()").fetchall()
            took.append((time.perf_counter() - began) * 1000)
    found = statistics.median(took)
    return Figure(
        name=f"stats with {number:,} rows of history",
        figure=f"{found:.1f} ms",
        value=found,
        target="< 20 ms",
        met=found < 20,
    )
