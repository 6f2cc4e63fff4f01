"""The queue in tests: what waits, running it, and the time that passes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Unpack

import pytest

from mesh_runtime.database import queries
from mesh_runtime.handlers import all_handlers
from mesh_runtime.queue import Counts, Handler, HandlerError, Worker, by_type, enqueue, register_types
from mesh_runtime.testing.inline import run_inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    import psycopg
    from pydantic import BaseModel

    from mesh_runtime.queue.new_jobs import JobOptions
    from mesh_runtime.settings import Settings

_SQL = queries("testing")
_TRAVEL = ("travel_schedules", "travel_jobs", "travel_keys", "travel_gates", "travel_leases")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits.

    Attributes:
        state: pending, scheduled or blocked.
        delay: between its enqueue and when it may run.
    """

    id: UUID
    job_type: str
    state: str
    payload: Mapping[str, Any]
    priority: int
    user_id: str | None
    delay: timedelta
    unique_key: str | None
    debounce_key: str | None
    gate: str | None
    parents: tuple[UUID, ...] | None


class Jobs:
    """Drives the queue of a test's database; the fixture `jobs` is one, for the handlers of the project.

    What runs jobs or lets time pass first commits the test's connection, as workers see only what is committed.
    """

    def __init__(
        self, settings: Settings, connection: psycopg.Connection[Any], handlers: Iterable[Handler] | None = None
    ) -> None:
        """Make one.

        Args:
            settings: on the test's database.
            connection: of the test; what it has not committed is seen by the assertions.
            handlers: that run the jobs; None stands for those of the project.
        """
        self._settings = settings
        self._connection = connection
        self._own = None if handlers is None else by_type(handlers)
        self._travelled = timedelta()
        if self._own is not None:
            register_types(connection, self._own.values())
            connection.commit()

    @property
    def handlers(self) -> dict[str, Handler]:
        """By job type."""
        return all_handlers(self._settings) if self._own is None else self._own

    def waiting(self, job_type: str | Handler | None = None) -> list[Waiting]:
        """The jobs that wait, of a type or all, the oldest first; those that the test has not committed too."""
        rows = self._connection.execute(_SQL["waiting_jobs"].sql, {"job_type": _name(job_type)}).fetchall()
        return [Waiting(*row) for row in rows]

    def assert_enqueued(
        self,
        job_type: str | Handler,
        payload: Mapping[str, object] | None = None,
        *,
        count: int | None = None,
        **attributes: object,
    ) -> Waiting:
        """Assert that such a job waits; returns the first.

        Args:
            job_type: its type, or its handler.
            payload: these fields of the payload have these values; others are not looked at.
            count: exactly so many such jobs wait; by default, at least one.
            attributes: these attributes of `Waiting` have these values.

        Raises:
            AssertionError: no such job waits, or not so many; the message lists those that do.
        """
        known = self.waiting(job_type)
        found = [job for job in known if _fits(job, payload or {}, attributes)]
        if not found or (count is not None and len(found) != count):
            wanted = {"payload": dict(payload or {}), **attributes}
            raise AssertionError(
                f"{len(found)} jobs of type {_name(job_type)} with {wanted} wait, not {count or 'one or more'}; "
                + ("there are:\n" + "\n".join(f"  {job}" for job in known) if known else "none of that type waits")
            )
        return found[0]

    def assert_not_enqueued(
        self, job_type: str | Handler, payload: Mapping[str, object] | None = None, **attributes: object
    ) -> None:
        """Assert that no such job waits.

        Raises:
            AssertionError: one does; the message shows it.
        """
        found = [job for job in self.waiting(job_type) if _fits(job, payload or {}, attributes)]
        assert not found, f"{_name(job_type)} waits: {found[0]}"

    def run(
        self, job_type: str | Handler, payload: BaseModel | Mapping[str, object], **options: Unpack[JobOptions]
    ) -> Mapping[str, object] | None:
        """Enqueue a job and run it at once, in this process, under a real lease; returns its result.

        It runs whether or not it is due, blocked or paused, and nothing else does. The options are those of `enqueue`.

        Raises:
            Exception: whatever the handler raised; the job has failed by it, as it would have in a worker.
            JobDidNotCompleteError: it did not complete for another reason, such as its timeout.
        """
        return asyncio.run(self.run_async(job_type, payload, **options))

    async def run_async(
        self, job_type: str | Handler, payload: BaseModel | Mapping[str, object], **options: Unpack[JobOptions]
    ) -> Mapping[str, object] | None:
        """The same as `run`, in the event loop of an async test."""
        handler = job_type if isinstance(job_type, Handler) else self.handlers.get(job_type)
        if handler is None:
            raise HandlerError(
                f"no handler for jobs of type {job_type!r}",
                remedy="Pass the handler itself, or make Jobs with the handlers that the test needs.",
            )
        job_id = enqueue(self._connection, handler, payload, **options)
        self._connection.commit()
        return await run_inline(self._settings, self._connection, handler, job_id)

    def drain(self) -> Counts:
        """Run everything that may run now, and what comes of it, as a worker does; jobs for later stay.

        Returns how many jobs completed, failed and so on; what a handler raises fails its job, and not the test.
        """
        return asyncio.run(self.drain_async())

    async def drain_async(self) -> Counts:
        """The same as `drain`, in the event loop of an async test."""
        self._connection.commit()
        load = all_handlers if self._own is None else None
        return await Worker(self._settings, self.handlers, load=load).serve(drain=True)

    def travel(self, by: timedelta) -> None:
        """Let time pass: what waits for a time comes so much closer to it, and what is due by then may run.

        The database's clock decides all, and stays as it is: jobs, windows of keys, rates, leases of callers over RPC
        and schedules are moved into the past instead. Schedules fire as in that time, once for all that was missed.
        """
        if by <= timedelta():
            raise ValueError(f"time passes forwards, not by {by}")
        self._connection.commit()
        with self._connection.transaction():
            for name in _TRAVEL:
                self._connection.execute(_SQL[name].sql, {"by": by, "before": self._travelled})
            self._connection.execute(_SQL["tick"].sql)
        self._travelled += by


@pytest.fixture
def jobs(settings: Settings, connection: psycopg.Connection[Any]) -> Jobs:
    """The queue of the test's database, with the handlers of the project."""
    return Jobs(settings, connection)


def _name(job_type: str | Handler | None) -> str | None:
    return job_type.job_type if isinstance(job_type, Handler) else job_type


def _fits(job: Waiting, payload: Mapping[str, object], attributes: Mapping[str, object]) -> bool:
    return all(name in job.payload and job.payload[name] == value for name, value in payload.items()) and all(
        getattr(job, name) == value for name, value in attributes.items()
    )
