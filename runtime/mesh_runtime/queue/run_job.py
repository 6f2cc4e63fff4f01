"""Running one job: read the payload, call the handler, say how it ended."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mesh_runtime.queue import tracing
from mesh_runtime.queue.context import Stop
from mesh_runtime.queue.masking import without_secrets
from mesh_runtime.queue.outcomes import Cancelled, EndedItself, Failed, Outcome, Released, completed, raised, timed_out

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mesh_runtime.queue.context import JobContext
    from mesh_runtime.queue.handlers import Handler
    from mesh_runtime.queue.isolated import HandlerProcesses
    from mesh_runtime.queue.threads import HandlerThreads
    from mesh_runtime.queue.values import Job

_LOG = logging.getLogger("mesh.queue")
_NEWER_WORKERS_WAIT = timedelta(minutes=1)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Runners:
    """What runs the handlers that are not async, and those that are isolated."""

    threads: HandlerThreads
    processes: HandlerProcesses


class _TimedOutError(Exception):
    """The handler took longer than it may."""


async def run_job(job: Job, handler: Handler | None, context: JobContext, runners: Runners) -> Outcome:
    """Run the job to its end; only a cancellation leaves by an exception."""
    if handler is None:
        return Released()  # a plug-in went away between claim and start
    if job.payload_version > handler.version:
        _LOG.warning("%s %s: payload version %d is newer than this worker", job.job_type, job.id, job.payload_version)
        return Released(_NEWER_WORKERS_WAIT)
    started = time.perf_counter()
    if tracing.loaded():
        with tracing.run_span(job) as span:
            outcome = await _outcome(job, handler, context, runners, started)
            tracing.end_span(span, outcome)
    else:
        outcome = await _outcome(job, handler, context, runners, started)
    if isinstance(outcome, Failed) or _LOG.isEnabledFor(logging.DEBUG):
        _log(job, outcome, started)
    return outcome


async def _outcome(job: Job, handler: Handler, context: JobContext, runners: Runners, started: float) -> Outcome:
    seconds = _limit(job, handler)
    try:
        if handler.isolation == "process":
            async with runners.processes.lend(handler) as child:
                return await _within(seconds, child.run(job), context)
        payload = handler.read(job.payload_text)
        if handler.is_async:
            call: Awaitable[Any] = handler.function(payload, context)  # type: ignore[assignment]  # is_async says so
        else:
            call = runners.threads.run(partial(handler.function, payload, context))
        result = await (call if seconds is None else _within(seconds, call, context))
    except _TimedOutError:
        return timed_out(seconds or 0)
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        return (
            stopped(context)
            if context.noticed
            else raised(error, partial(without_secrets, job.payload_text, handler.secrets))
        )
    if context.ended_itself:
        return EndedItself()
    return stopped(context) if context.noticed else completed(result, _milliseconds(started))


def stopped(context: JobContext) -> Outcome:
    """The outcome of a handler that ended because it was told to."""
    return Cancelled() if context.stop is Stop.CANCELLED else Released()


async def _within(seconds: float | None, call: Awaitable[_Result], context: JobContext) -> _Result:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await call
    except TimeoutError as error:
        if not limit.expired():
            raise  # the handler's own
        context.stop = Stop.TIMED_OUT
        raise _TimedOutError from error


def _limit(job: Job, handler: Handler) -> float | None:
    """How many seconds the attempt may take."""
    if job.timeout_ms is not None:
        return job.timeout_ms / 1000
    return None if handler.timeout is None else handler.timeout.total_seconds()


def _milliseconds(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _log(job: Job, outcome: Outcome, started: float) -> None:
    """Say how the job ended, for people and, in the record's fields, for machines; never anything of its payload."""
    word = "completed" if isinstance(outcome, EndedItself) else type(outcome).__name__.lower()
    took = _milliseconds(started)
    fields = {
        "job_id": str(job.id),
        "job_type": job.job_type,
        "attempt": job.attempt,
        "duration_ms": took,
        "outcome": word,
    }
    if isinstance(outcome, Failed):
        _LOG.warning("%s %s: attempt %d failed: %s", job.job_type, job.id, job.attempt, outcome.error, extra=fields)
    else:
        _LOG.debug("%s %s: %s in %d ms", job.job_type, job.id, word, took, extra=fields)
