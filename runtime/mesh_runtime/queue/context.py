"""What a handler gets beside its payload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import queries
from mesh_runtime.queue.errors import StaleLeaseError
from mesh_runtime.queue.json_text import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import psycopg

    from mesh_runtime.queue.values import Job
    from mesh_runtime.settings import Settings

_SQL = queries("queue")


@dataclass(slots=True)
class JobContext:
    """The job that a handler runs, and what it needs for it.

    Attributes:
        job: the job: its id, attempt, user and so on.
        settings: the settings of the process.
        ended_itself: whether `complete` was called.
        lost: the lease was taken away: whatever the handler still does may be done by another worker too.
        interrupted: the worker has cancelled the handler.
    """

    job: Job
    settings: Settings
    _open: Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    ended_itself: bool = field(default=False, init=False)
    lost: bool = field(default=False, init=False)
    interrupted: bool = field(default=False, init=False)

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
            raise StaleLeaseError(
                f"job {self.job.id} is no longer held under lease {self.job.token}",
                remedy="Nothing to do: another worker has it. Let the error pass, so that the transaction rolls back.",
            )

    async def complete_async(
        self, connection: psycopg.AsyncConnection[Any], result: Mapping[str, object] | None = None
    ) -> None:
        """The same as `complete`, on a connection of an async handler."""
        self.ended_itself = True
        cursor = await connection.execute(_SQL["complete_jobs"].sql, self._completion(result))
        found = await cursor.fetchone()
        if found is None or not found[0]:
            raise StaleLeaseError(f"job {self.job.id} is no longer held under lease {self.job.token}")

    def _completion(self, result: Mapping[str, object] | None) -> dict[str, object]:
        text = None if result is None else write_json(result)
        return {"token": self.job.token, "ids": [self.job.id], "results": [text], "durations": None}
