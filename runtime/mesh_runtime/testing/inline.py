"""Running one job in the test itself: under a real lease, and with what its handler raises passed on."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import database_url, queries
from mesh_runtime.queue import Counts, Job, JobContext, QueueError
from mesh_runtime.queue.connections import Connections
from mesh_runtime.queue.isolated import HandlerProcesses
from mesh_runtime.queue.link import Link
from mesh_runtime.queue.outbox import Outbox
from mesh_runtime.queue.run_job import Runners, run_job
from mesh_runtime.queue.threads import HandlerThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from uuid import UUID

    import psycopg

    from mesh_runtime.queue import Handler
    from mesh_runtime.settings import Settings

_SQL = queries("testing")


class JobDidNotCompleteError(QueueError):
    """The job ended otherwise than completed, and its handler raised nothing that would say why."""


@dataclass(slots=True)
class _Raised:
    error: BaseException | None = field(default=None)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.error = error
            raise


async def run_inline(
    settings: Settings, connection: psycopg.Connection[Any], handler: Handler, job_id: UUID
) -> Mapping[str, object] | None:
    """Run a job that waits, whether or not it is due, and end it as a worker would; returns its result.

    Raises:
        JobDidNotCompleteError: it did not complete, as by its timeout, or it does not wait.
        Exception: whatever the handler raised; the job has failed by it, or waits again.
    """
    row = connection.execute(_SQL["lease_job"].sql, {"id": job_id}).fetchone()
    connection.commit()
    if row is None:
        raise JobDidNotCompleteError(f"{handler.job_type} {job_id} does not wait: it runs or has ended")
    raised = _Raised()
    await _run(settings, Job(*(*row[:-1], tuple(row[-1]))), _kept(handler, raised))
    found = connection.execute(_SQL["job_end"].sql, {"id": job_id}).fetchone()
    connection.commit()
    if raised.error is not None:
        raise raised.error
    state, result, error = found or ("unknown", None, None)
    if state != "completed":
        raise JobDidNotCompleteError(f"{handler.job_type} {job_id} is {state}: {error or 'no error'}")
    ended: Mapping[str, object] | None = result
    return ended


async def _run(settings: Settings, job: Job, handler: Handler) -> None:
    url = database_url(settings)
    connections, link = Connections(url), Link(url, "test")
    runners = Runners(HandlerThreads(1, "mesh-test-job"), HandlerProcesses(settings, url, None))
    outbox = Outbox(Counts())
    outbox.opened(job.token, 1)
    try:
        outbox.add(job, await run_job(job, handler, JobContext(job, settings, connections.lend), runners))
        await outbox.flush(link)
    finally:
        runners.threads.close()
        runners.processes.close()
        await link.close()
        connections.close()


def _kept(handler: Handler, raised: _Raised) -> Handler:
    """The same handler, in this process, that leaves what it raises in `raised`."""
    return replace(
        handler, function=_async(handler, raised) if handler.is_async else _sync(handler, raised), isolation="thread"
    )


def _sync(handler: Handler, raised: _Raised) -> Callable[..., Any]:
    @wraps(handler.function)
    def function(payload: Any, context: JobContext) -> Any:
        with raised.kept():
            return handler.function(payload, context)

    return function


def _async(handler: Handler, raised: _Raised) -> Callable[..., Any]:
    @wraps(handler.function)
    async def function(payload: Any, context: JobContext) -> Any:
        with raised.kept():
            return await handler.function(payload, context)  # type: ignore[misc]  # is_async says so

    return function
