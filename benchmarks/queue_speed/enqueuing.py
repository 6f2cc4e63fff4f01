"""Jobs on their way in: many at once, one at a time, and sixteen enqueuers against a busy worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

from benchmarks.queue_speed import raw
from benchmarks.queue_speed.bed import answer, child, vacuum, wait_ready
from benchmarks.queue_speed.client import HANDLERS
from benchmarks.queue_speed.figures import Figure, rate, share
from benchmarks.queue_speed.throughput import LARGE, fill

from mesh_runtime.database import connect
from mesh_runtime.queue import NewJob, enqueue, enqueue_many, register_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.queue_speed.bed import Bed

_LINE = "%s\tnoop\t0\t{}\t1\t\\N\n"


def measure(bed: Bed) -> Iterator[Figure]:
    """All three."""
    jobs = bed.many(100_000, 10_000)
    copied, batch = bed.medians(lambda: _copied(bed, jobs), lambda: _batch(bed, jobs))
    yield rate("COPY of ready lines into a twin of the table", copied)
    yield share("batch enqueue, plain jobs", batch, copied, 0.6, "COPY")
    bare, single = bed.medians(lambda: _single(bed, "raw"), lambda: _single(bed, "mesh"))
    yield rate("raw single INSERT into the twin", bare)
    yield share("single enqueue", single, bare, 0.8, "the raw insert")
    bare, crowd = bed.medians(lambda: _crowd(bed, "raw"), lambda: _crowd(bed, "mesh"))
    yield rate("16 raw inserters into the queue's own table, worker busy", bare)
    yield share("16 enqueuers, worker busy", crowd, bare, 0.8, "the raw loop")


def _copied(bed: Bed, jobs: int) -> float:
    with bed.database() as url:
        with connect(url, autocommit=True) as connection:
            connection.execute(raw.TWIN.encode())
            vacuum(connection)
        return raw.copy(url, [_LINE % uuid4() for _ in range(jobs)])


def _batch(bed: Bed, jobs: int) -> float:
    with bed.database() as url, connect(url, autocommit=True) as connection:
        register_types(connection, HANDLERS.values())
        vacuum(connection)
        made = [NewJob(job_type="noop", payload={}) for _ in range(jobs)]
        began = time.perf_counter()
        enqueue_many(connection, made)
        return jobs / (time.perf_counter() - began)


def _single(bed: Bed, what: str) -> float:
    jobs = bed.many(5000, 1000)
    with bed.database() as url, connect(url, autocommit=True) as connection:
        register_types(connection, HANDLERS.values())
        connection.execute(raw.TWIN.encode())
        vacuum(connection)
        for number in range(jobs + jobs // 10):
            if number == jobs // 10:
                began = time.perf_counter()
            if what == "mesh":
                enqueue(connection, "noop", {})
            else:
                raw.insert(connection, "twin.jobs")
        return jobs / (time.perf_counter() - began)


def _crowd(bed: Bed, what: str) -> float:
    """Four processes of four threads each; the worker is busy, and runs these jobs too, whoever inserts them."""
    seconds = bed.many(10, 3)
    with bed.database() as url:
        fill(url, bed.many(600_000, 100_000))
        crowd = [child("single", url, what, 4, seconds) for _ in range(4)]
        worker = child("worker", bed.project, url, 500, LARGE, -1)
        for process in (*crowd, worker):
            wait_ready(process)
        time.sleep(1)
        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        found = sum(float(answer(process)["per_second"]) for process in crowd)
        answer(worker)
        return found
