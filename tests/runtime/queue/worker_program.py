"""The worker that tests start as a process: PROJECT URL [concurrency [lease seconds]]."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.runtime.queue import handlers_elsewhere

from mesh_runtime.queue import JobContext, Timing, Worker, by_type, job
from mesh_runtime.settings import Settings

START = "INSERT INTO runs (job_id, token, pid) VALUES (%s, %s, %s) RETURNING run"
END = "UPDATE runs SET ended_at = clock_timestamp() WHERE run = %s"
EFFECT = "INSERT INTO effects (job_id, pid) VALUES (%s, %s)"


def _start(context: JobContext) -> int:
    with context.connect() as connection:
        row = connection.execute(START, (context.job.id, context.job.token, os.getpid())).fetchone()
    assert row is not None
    return int(row[0])


@job("timed")
def timed(payload: dict[str, Any], context: JobContext) -> None:
    """Record the start and the end, and sleep between them."""
    run = _start(context)
    time.sleep(payload.get("seconds", 0))
    with context.connect() as connection:
        connection.execute(END, (run,))


@job("timed_async")
async def timed_async(payload: dict[str, Any], context: JobContext) -> None:
    """The same, in the event loop."""
    run = await asyncio.to_thread(_start, context)
    await asyncio.sleep(payload.get("seconds", 0))
    with context.connect() as connection:
        connection.execute(END, (run,))


@job("once")
def once(payload: dict[str, Any], context: JobContext) -> None:
    """An effect that must happen once, whenever the worker is killed."""
    with context.connect() as connection:
        connection.execute(EFFECT, (context.job.id, os.getpid()))
        time.sleep(payload.get("seconds", 0))
        context.complete(connection)
        time.sleep(payload.get("seconds", 0))


@job("deadly")
def deadly(payload: dict[str, Any], context: JobContext) -> None:
    """A job that takes its process along."""
    del payload
    _start(context)
    os._exit(9)


def main(project: str, url: str, concurrency: str = "4", lease: str = "1.0", drain: str = "") -> None:
    """Run the worker."""
    settings = Settings.load(Path(project), {"DATABASE_URL": url})
    timing = Timing(renew=float(lease) / 4, lease=float(lease), poll=0.1, grace=5)
    handlers = by_type([timed, timed_async, once, deadly, handlers_elsewhere.stuck])
    worker = Worker(settings, handlers, concurrency=int(concurrency), prefetch=50, timing=timing)
    worker.run_until_empty() if drain else worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
