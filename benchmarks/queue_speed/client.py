"""What runs in processes of its own: workers, enqueuers, and the raw loops that they are compared with.

Each prints READY when it is, and JSON at its end; those that run until they are told to wait for a line or the end of
their input.
"""

from __future__ import annotations

import asyncio
import json
import select
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.queue_speed import raw

from mesh_runtime.database import connect
from mesh_runtime.queue import NewJob, Worker, by_type, enqueue, enqueue_many, job
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    import psycopg

    from mesh_runtime.queue import JobContext


@job("noop")
async def noop(payload: dict[str, Any], context: JobContext) -> None:
    """Nothing."""
    del payload, context


@job("nap")
async def nap(payload: dict[str, Any], context: JobContext) -> None:
    """Twenty milliseconds."""
    del payload, context
    await asyncio.sleep(0.02)


STARTS: list[float] = []
"""Seconds from before the enqueue to the start; one process, one list."""


@job("timed")
async def timed(payload: dict[str, Any], context: JobContext) -> None:
    """How long it took to start; the clock is the machine's."""
    del context
    STARTS.append(time.monotonic() - payload["at"])


HANDLERS = by_type([noop, nap, timed])


def worker(project: str, url: str, prefetch: str, concurrency: str, until: str) -> dict[str, Any]:
    """A worker: until the queue is empty (0), until so many jobs are done, or until the input ends (-1)."""
    settings = Settings.load(Path(project), {"DATABASE_URL": url})
    running = Worker(settings, HANDLERS, prefetch=int(prefetch), concurrency=int(concurrency))
    if (most := int(until)) == 0:
        _ready()
        running.run_until_empty()
    else:
        threading.Thread(target=_stop, args=(running, most), daemon=True).start()
        running.run()
    return {"completed": running.counts.completed, "starts": STARTS}


def _stop(running: Worker, most: int) -> None:
    _ready()
    while True:
        if running.counts.completed >= most if most > 0 else select.select([sys.stdin], [], [], 0)[0]:
            running.stop()
            return
        time.sleep(0.01)


def single(url: str, what: str, threads: str, seconds: str) -> dict[str, Any]:
    """So many threads that enqueue one job after the other, each in a transaction of its own, for so long."""
    counts = [0] * int(threads)
    connections = [connect(url, autocommit=True) for _ in counts]
    _ready()
    sys.stdin.readline()
    began = time.perf_counter()

    def put(place: int) -> None:
        while time.perf_counter() - began < float(seconds):
            _put(connections[place], what)
            counts[place] += 1

    running = [threading.Thread(target=put, args=(place,)) for place in range(len(counts))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return {"per_second": sum(counts) / (time.perf_counter() - began)}


def _put(connection: psycopg.Connection[Any], what: str) -> None:
    if what == "mesh":
        enqueue(connection, "noop", {})
    else:
        raw.insert(connection, "mesh.jobs")


def flow(url: str, per_second: str, seconds: str) -> dict[str, Any]:
    """Enqueue at a pace, ten times a second."""
    _ready()
    began, number = time.monotonic(), 0
    with connect(url, autocommit=True) as connection:
        while (passed := time.monotonic() - began) < float(seconds):
            due = int(passed * float(per_second)) - number
            enqueue_many(connection, [NewJob(job_type="noop", payload={}) for _ in range(due)])
            number += due
            time.sleep(0.1)
    return {"enqueued": number}


def listener(url: str) -> dict[str, Any]:
    """The raw loop: LISTEN, claim by DELETE, note when; until the input ends."""
    starts: list[float] = []
    with connect(url, autocommit=True) as connection, connect(url, autocommit=True) as claims:
        connection.execute("LISTEN raw_jobs")
        _ready()
        while not select.select([sys.stdin], [], [], 0)[0]:
            for _ in connection.notifies(timeout=0.2, stop_after=1):
                for (at,) in claims.execute("DELETE FROM raw_jobs RETURNING (payload ->> 'at')::float8").fetchall():
                    starts.append(time.monotonic() - at)
    return {"starts": starts}


def _ready() -> None:
    print("READY", flush=True)


def main(what: str, *arguments: str) -> None:
    """Do it, and print what came of it."""
    tasks = {"worker": worker, "single": single, "flow": flow, "listener": listener}
    print(json.dumps(tasks[what](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
