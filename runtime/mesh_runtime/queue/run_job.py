"""Running one job: read the payload, call the handler, say how it ended."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from psycopg.errors import DeadlockDetected, SerializationFailure

from mesh_runtime.queue.errors import DatabaseAwayError
from mesh_runtime.queue.outcomes import EndedItself, Outcome, Released, completed, failed

if TYPE_CHECKING:
    from mesh_runtime.queue.context import JobContext
    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.threads import HandlerThreads
    from mesh_runtime.queue.values import Job

_LOG = logging.getLogger("mesh.queue")
_NEWER_WORKERS_WAIT = timedelta(minutes=1)
_DATABASE_WAIT = timedelta(seconds=1)
_NOT_TO_BLAME = (DatabaseAwayError, DeadlockDetected, SerializationFailure)
"""What stops a job for another's sake: PostgreSQL itself asks that its victims be run again."""


async def run_job(job: Job, handler: Handler | None, context: JobContext, threads: HandlerThreads) -> Outcome:
    """Run the job to its end; only a cancellation leaves by an exception."""
    if handler is None:
        return Released()  # a plug-in went away between claim and start
    if job.payload_version > handler.version:
        _LOG.warning("%s %s: payload version %d is newer than this worker", job.job_type, job.id, job.payload_version)
        return Released(_NEWER_WORKERS_WAIT)
    started = time.perf_counter()
    try:
        payload = handler.read(job.payload_text)
        if handler.is_async:
            result = await handler.function(payload, context)  # type: ignore[misc]  # is_async says that it is awaitable
        else:
            result = await threads.run(partial(handler.function, payload, context))
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        if isinstance(error, _NOT_TO_BLAME):
            return Released(_DATABASE_WAIT)
        outcome: Outcome = failed(error)
        _LOG.warning("%s %s: attempt %d failed: %s", job.job_type, job.id, job.attempt, error)
        return outcome
    milliseconds = round((time.perf_counter() - started) * 1000)
    _LOG.debug("%s %s: done in %d ms", job.job_type, job.id, milliseconds)
    return EndedItself() if context.ended_itself else completed(result, milliseconds)
