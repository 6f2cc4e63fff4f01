"""The handlers that run under chaos, and the worker process that runs them. None but `flaky` ever raises by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import DatabaseUnreachableError
from mesh_runtime.errors import RetryAfter, Snooze
from mesh_runtime.queue import JobContext, Timing, Worker, by_type, job
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    import psycopg

START = "INSERT INTO chaos.starts (job_id, token, pid) VALUES (%s, %s, %s) RETURNING run"
END = "UPDATE chaos.starts SET ended_seq = nextval('chaos.clock') WHERE run = %s"
EFFECT = "INSERT INTO chaos.effects (job_id, token) VALUES (%s, %s)"
SEE = "UPDATE chaos.subjects SET seen = greatest(seen, changes) WHERE key = %s"


def start(context: JobContext) -> int:
    """Write down that the job starts; the number of this run."""
    with context.connect() as connection:
        return started(context, connection)


def started(context: JobContext, connection: psycopg.Connection[Any]) -> int:
    """The same, in a transaction of the handler's."""
    row = connection.execute(START, (context.job.id, context.job.token, os.getpid())).fetchone()
    assert row is not None
    return int(row[0])


def end(context: JobContext, run: int) -> None:
    """Write down that the run ended."""
    with context.connect() as connection:
        connection.execute(END, (run,))


def moment() -> float:
    """How long a job takes: a few milliseconds, or, now and then, long enough to be killed or frozen amid it."""
    return random.uniform(0.2, 0.6) if random.random() < 0.02 else random.uniform(0, 0.005)


def work(context: JobContext) -> None:
    """Start, take a moment, end."""
    run = start(context)
    time.sleep(moment())
    end(context, run)


@job("chaos_plain")
def plain(payload: dict[str, Any], context: JobContext) -> None:
    """A job with nothing special about it."""
    del payload
    work(context)


@job("chaos_async")
async def in_loop(payload: dict[str, Any], context: JobContext) -> None:
    """The same, in the event loop."""
    del payload
    run = await asyncio.to_thread(start, context)
    await asyncio.sleep(moment())
    await asyncio.to_thread(end, context, run)


@job("chaos_keyed")
def keyed(payload: dict[str, Any], context: JobContext) -> None:
    """No other job with its key lives meanwhile."""
    del payload
    work(context)


@job("chaos_gated")
def gated(payload: dict[str, Any], context: JobContext) -> None:
    """Only so many of its gate run meanwhile."""
    del payload
    work(context)


@job("chaos_child")
def child(payload: dict[str, Any], context: JobContext) -> None:
    """Its parents have ended before."""
    del payload
    work(context)


@job("chaos_debounced")
def debounced(payload: dict[str, Any], context: JobContext) -> None:
    """Sees all changes of its subject that were made before it ran."""
    run = start(context)
    with context.connect() as connection:
        connection.execute(SEE, (payload["subject"],))
    end(context, run)


@job("chaos_once")
def once(payload: dict[str, Any], context: JobContext) -> None:
    """An effect and the completion in one transaction."""
    del payload
    with context.connect() as connection:
        started(context, connection)
        connection.execute(EFFECT, (context.job.id, context.job.token))
        time.sleep(moment())
        context.complete(connection, {"token": context.job.token})


@job("chaos_flaky")
def flaky(payload: dict[str, Any], context: JobContext) -> None:
    """Fails, or snoozes, as often as not; some of these die."""
    del payload
    work(context)
    match random.randrange(4):
        case 0:
            raise RetryAfter(timedelta(milliseconds=100), "now and then")
        case 1:
            raise RuntimeError("for good, perhaps")
        case 2:
            raise Snooze(timedelta(milliseconds=50))


@job("chaos_cancelled")
async def cancelled(payload: dict[str, Any], context: JobContext) -> None:
    """Somebody may cancel it while it waits or runs."""
    del payload
    run = await asyncio.to_thread(start, context)
    await asyncio.sleep(0.2)
    await asyncio.to_thread(end, context, run)


HANDLERS = by_type([plain, in_loop, keyed, gated, child, debounced, once, flaky, cancelled])
MAY_NOT_COMPLETE = (flaky.job_type, cancelled.job_type)
"""Jobs of these types may end otherwise than completed."""


def run_worker(project: str, url: str, lease: float, concurrency: int) -> None:
    """Run one worker until it is stopped, or worse."""
    logging.basicConfig(level=logging.CRITICAL)
    settings = Settings.load(Path(project), {"DATABASE_URL": url})
    timing = Timing(renew=lease / 5, lease=lease, poll=0.2, grace=10, strays=2)
    try:
        Worker(settings, HANDLERS, concurrency=concurrency, prefetch=50, timing=timing).run()
    except DatabaseUnreachableError:
        sys.exit(2)  # as `mesh worker` does: who started it starts it again
