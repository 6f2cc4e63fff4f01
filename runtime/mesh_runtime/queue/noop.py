"""Jobs that do nothing, with which `mesh queue bench` measures a database."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import connect, database_url
from mesh_runtime.queue import admin
from mesh_runtime.queue.admin import ask
from mesh_runtime.queue.enqueue import enqueue, enqueue_many, register_types
from mesh_runtime.queue.errors import QueueError
from mesh_runtime.queue.handlers import Handler, job
from mesh_runtime.queue.new_jobs import NewJob
from mesh_runtime.queue.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from mesh_runtime.settings import Settings

TYPE = "noop"
_MARK = "mesh queue bench"
"""Whose the jobs of a measurement are, so that those of somebody else are told from what a killed one left."""
_RATE = 20
_WARM_UP = 2_000
_SINGLE = 500


class BusyTypeError(QueueError):
    """Somebody else uses the type that the measurement needs for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a database does, with a worker of one process on this machine.

    Attributes:
        jobs: how many were enqueued at once, and then run.
        prefetch: the most jobs in one claim.
        single_per_second: jobs enqueued one by one, each in a transaction of its own.
        batch_per_second: jobs enqueued at once.
        run_per_second: jobs run, from the first claim to the last completion.
        start_p50_ms, start_p95_ms: from before `enqueue` to the start of the handler, at 20 jobs a second.
    """

    jobs: int
    prefetch: int
    single_per_second: float
    batch_per_second: float
    run_per_second: float
    start_p50_ms: float
    start_p95_ms: float


@job(TYPE)
async def noop(payload: dict[str, Any], context: Any) -> None:
    """Do nothing."""
    del payload, context


def measure(settings: Settings, *, jobs: int, prefetch: int, seconds: float) -> Measured:
    """Measure the project's database; leaves nothing behind.

    Args:
        settings: of the project.
        jobs: how many jobs to run.
        prefetch: the most jobs in one claim.
        seconds: how long to measure the start of jobs.

    Raises:
        BusyTypeError: the database has jobs of the type `noop` that are not of a measurement, or a worker for them.
    """
    url = database_url(settings)
    with connect(url, autocommit=True, application_name="mesh queue bench") as connection, _own_type(connection):
        _run(settings, connection, _WARM_UP, prefetch)
        single = _single_rate(connection)
        Worker(settings, {TYPE: noop}).run_until_empty()
        batch, run = _run(settings, connection, jobs, prefetch)
        starts = sorted(_starts(settings, connection, seconds))
    return Measured(
        jobs=jobs,
        prefetch=prefetch,
        single_per_second=single,
        batch_per_second=batch,
        run_per_second=run,
        start_p50_ms=_quantile(starts, 0.50) * 1000,
        start_p95_ms=_quantile(starts, 0.95) * 1000,
    )


@contextmanager
def _own_type(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """The type, for nobody else; every trace of it is removed."""
    if ask(connection, "bench_others", {"type": TYPE, "mark": _MARK})[0]["busy"]:
        raise BusyTypeError(
            f"the job type {TYPE!r} is in use here", remedy="Rename the type, or bench a database of its own."
        )
    register_types(connection, [noop])
    try:
        yield
    finally:
        with connection.transaction():
            for name in ("jobs", "moves", "counts"):
                ask(connection, f"bench_forget_{name}", {"type": TYPE})


def _run(settings: Settings, connection: psycopg.Connection[Any], number: int, prefetch: int) -> tuple[float, float]:
    """How many jobs a second are enqueued at once, and run."""
    since = admin.now(connection)
    began = time.perf_counter()
    enqueue_many(connection, (NewJob(job_type=noop, payload={}, user_id=_MARK) for _ in range(number)))
    enqueued = time.perf_counter()
    Worker(settings, {TYPE: noop}, concurrency=100, prefetch=prefetch).run_until_empty()
    ran = ask(connection, "bench_run", {"type": TYPE, "since": since})[0]
    return number / (enqueued - began), ran["jobs"] / ran["seconds"]


def _single_rate(connection: psycopg.Connection[Any]) -> float:
    began = time.perf_counter()
    for _ in range(_SINGLE):
        enqueue(connection, TYPE, {}, user_id=_MARK)
    return _SINGLE / (time.perf_counter() - began)


def _starts(settings: Settings, connection: psycopg.Connection[Any], seconds: float) -> list[float]:
    """How long each job took to start, at an even pace, with a worker that sleeps in between."""
    found: list[float] = []
    started = threading.Event()

    async def start(payload: dict[str, Any], context: Any) -> None:
        del context
        found.append(time.perf_counter() - payload["at"])
        started.set()
        await asyncio.sleep(0)

    worker = Worker(settings, {TYPE: Handler(TYPE, start)})
    thread = threading.Thread(target=worker.run, name="mesh-bench")
    thread.start()
    try:
        enqueue(connection, TYPE, {"at": time.perf_counter()}, user_id=_MARK)
        started.wait(30)
        found.clear()
        for _ in range(max(int(seconds * _RATE), 1)):
            enqueue(connection, TYPE, {"at": time.perf_counter()}, user_id=_MARK)
            time.sleep(1 / _RATE)
    finally:
        worker.stop()
        thread.join()
    return found


def _quantile(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)] if values else float("nan")
