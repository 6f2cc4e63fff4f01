"""What a handler gets beside its payload."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import queries
from mesh_runtime.queue.errors import StaleLeaseError
from mesh_runtime.queue.json_text import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from uuid import UUID

    import psycopg

    from mesh_runtime.queue.values import Job
    from mesh_runtime.settings import Settings

_SQL = {**queries("queue"), **queries("queue_worker")}
_BETWEEN_PROGRESS = 0.25


class Stop(Enum):
    """Why a handler should stop."""

    CANCELLED = "somebody cancelled the job"
    TIMED_OUT = "it takes longer than it may"
    LOST = "the lease was taken away: another worker may run the job"
    SHUTDOWN = "the worker ends now"


@dataclass(slots=True)
class JobContext:
    """The job that a handler runs, and what it needs for it.

    Attributes:
        job: the job: its id, attempt, user and so on.
        settings: the settings of the process.
        ended_itself: whether `complete` was called.
        stop: why the handler should stop; None while it should not.
        noticed: whether the handler has seen that it should.
    """

    job: Job
    settings: Settings
    _open: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    ended_itself: bool = field(default=False, init=False)
    stop: Stop | None = field(default=None, init=False)
    noticed: bool = field(default=False, init=False)
    _told_progress: float = field(default=0.0, init=False)

    @property
    def cancelled(self) -> bool:
        """Whether the handler should stop, for what it still does is not wanted: `stop` says why.

        A handler in a thread asks now and then, and returns or raises once this is true: its job then ends as cancelled
        if that was asked for. Async handlers and those in processes are stopped without being asked.
        """
        self.noticed = self.noticed or self.stop is not None
        return self.stop is not None

    @property
    def lost(self) -> bool:
        """The lease was taken away: whatever the handler still does may be done by another worker too."""
        return self.stop is Stop.LOST

    def connect(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        """A connection that the worker lends; its transaction commits as the block ends, or rolls back on an error."""
        return self._open()

    def complete(self, connection: psycopg.Connection[Any], result: Mapping[str, object] | None = None) -> None:
        """Complete this job in the handler's own transaction, so that its effects happen exactly once.

        The transaction must be committed before the handler returns. The lease cannot be taken away in between.

        Raises:
            StaleLeaseError: the job is no longer this worker's; roll back.
        """
        self.ended_itself = True
        found = connection.execute(_SQL["complete_jobs"].sql, self._completion(result)).fetchone()
        if found is None or not found[0]:
            raise self._stale()

    async def complete_async(
        self, connection: psycopg.AsyncConnection[Any], result: Mapping[str, object] | None = None
    ) -> None:
        """The same as `complete`, on a connection of an async handler."""
        self.ended_itself = True
        cursor = await connection.execute(_SQL["complete_jobs"].sql, self._completion(result))
        found = await cursor.fetchone()
        if found is None or not found[0]:
            raise self._stale()

    def progress(self, fraction: float, note: str | None = None) -> None:
        """Say how far the job is, from 0 to 1; committed at once, for others to see while the job runs.

        May be called for each item of many: what comes within a quarter of a second of the last is left out, but for
        the end.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f"the fraction must be between 0 and 1, not {fraction}")
        now = time.monotonic()
        if fraction < 1 and now - self._told_progress < _BETWEEN_PROGRESS:
            return
        self._told_progress = now
        parameters = {"job": self.job.id, "token": self.job.token, "fraction": fraction, "note": note}
        with self._open() as connection:
            connection.execute(_SQL["set_progress"].sql, parameters)

    async def progress_async(self, fraction: float, note: str | None = None) -> None:
        """The same as `progress`, for an async handler."""
        await asyncio.to_thread(self.progress, fraction, note)

    def parent_results(self) -> dict[UUID, Mapping[str, object] | None]:
        """What the jobs returned that this one waited for, by their ids.

        Parents that did not complete are not in it (a job that was enqueued with `after_any` runs nevertheless), and
        neither are those that retention has removed from history.
        """
        if not self.job.parents:
            return {}
        with self._open() as connection:
            rows = connection.execute(_SQL["parent_results"].sql, {"parents": list(self.job.parents)}).fetchall()
        return dict(rows)

    async def parent_results_async(self) -> dict[UUID, Mapping[str, object] | None]:
        """The same as `parent_results`, for an async handler."""
        return await asyncio.to_thread(self.parent_results)

    def _completion(self, result: Mapping[str, object] | None) -> dict[str, object]:
        text = None if result is None else write_json(result)
        return {"token": self.job.token, "ids": [self.job.id], "results": [text], "durations": None}

    def _stale(self) -> StaleLeaseError:
        return StaleLeaseError(
            f"job {self.job.id} is no longer held under lease {self.job.token}",
            remedy="Nothing to do: another worker has it. Let the error pass, so that the transaction rolls back.",
        )
