"""From before the enqueue to the start of the handler, at 20 jobs a second, with a worker that sleeps in between."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.queue_speed.bed import answer, child, wait_ready
from benchmarks.queue_speed.client import HANDLERS
from benchmarks.queue_speed.figures import Figure, missing
from benchmarks.queue_speed.others import PEERS, MissingPeerError

from mesh_runtime.database import connect
from mesh_runtime.queue import enqueue, register_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.queue_speed.bed import Bed

_TABLE = "CREATE TABLE raw_jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL)"
_PUT = """
WITH put AS (INSERT INTO raw_jobs (payload) VALUES (jsonb_build_object('at', %s::float8)))
SELECT pg_notify('raw_jobs', '')
"""


def measure(bed: Bed) -> Iterator[Figure]:
    """The raw loop, ours, the others."""
    jobs = bed.many(400, 60)
    bare = _raw(bed, jobs)
    yield Figure(name="raw LISTEN loop, 20 jobs/s", figure=_said(bare), value=_quantile(bare, 0.5))
    ours = _ours(bed, jobs)
    p50, p95 = _quantile(ours, 0.5), _quantile(ours, 0.95)
    times = p50 / _quantile(bare, 0.5)
    yield Figure(
        name="enqueue to start, 20 jobs/s: p50",
        figure=f"{p50 * 1000:.2f} ms = {times:.2f} times",
        value=p50,
        target="<= 1.5 times the raw loop",
        met=times <= 1.5,
    )
    yield Figure(
        name="enqueue to start, 20 jobs/s: p95",
        figure=f"{p95 * 1000:.2f} ms",
        value=p95,
        target="< 10 ms",
        met=p95 < 0.01,
    )
    for peer in PEERS if bed.peers else ():
        try:
            found = peer.run(bed, "latency", jobs)["starts"]
        except MissingPeerError as error:
            yield missing(f"  {peer.name}", str(error))
        else:
            yield Figure(name=f"  {peer.name.split(',')[0]}, start", figure=_said(found), value=_quantile(found, 0.5))


def _raw(bed: Bed, jobs: int) -> list[float]:
    with bed.database() as url, connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
        process = child("listener", url)
        wait_ready(process)
        for _ in range(jobs):
            connection.execute(_PUT, (time.monotonic(),))
            time.sleep(0.05)
        found: list[float] = answer(process)["starts"]
        return found


def _ours(bed: Bed, jobs: int) -> list[float]:
    with bed.database() as url, connect(url, autocommit=True) as connection:
        register_types(connection, HANDLERS.values())
        process = child("worker", bed.project, url, 500, 10, -1)
        wait_ready(process)
        time.sleep(1)
        for _ in range(jobs):
            enqueue(connection, "timed", {"at": time.monotonic()})
            time.sleep(0.05)
        found: list[float] = answer(process)["starts"]
        return found


def _quantile(values: Sequence[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[round(share * 100) - 1]


def _said(values: Sequence[float]) -> str:
    return f"p50 {_quantile(values, 0.5) * 1000:.2f}, p95 {_quantile(values, 0.95) * 1000:.2f} ms"
