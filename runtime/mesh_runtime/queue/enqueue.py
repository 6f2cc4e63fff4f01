"""Putting jobs into the queue, inside the caller's transaction."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from mesh_runtime.database import queries
from mesh_runtime.queue.errors import InvalidJobError, NoQueueError, UnknownJobTypeError
from mesh_runtime.queue.handlers import Handler, write_payload
from mesh_runtime.queue.identifiers import uuid7
from mesh_runtime.queue.values import NewJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

_SQL = queries("queue")
_UNKNOWN_TYPE = "PT422"
_NO_SCHEMA, _NO_FUNCTION = "3F000", "42883"


def enqueue(
    connection: psycopg.Connection[Any],
    job_type: str | Handler,
    payload: BaseModel | Mapping[str, object],
    *,
    priority: int = 0,
    delay: timedelta | None = None,
    run_at: datetime | None = None,
    max_attempts: int = 3,
    user_id: str | None = None,
) -> UUID:
    """Enqueue a job in the caller's transaction: it exists once that commits, and never if it rolls back.

    The arguments are the attributes of `NewJob`. Returns the job's id.

    Raises:
        InvalidJobError: an argument cannot be; nothing was sent to the database.
        PayloadError: the payload is not what the handler's model says, or is too large.
        UnknownJobTypeError: no handler of that type was ever registered in this database.
    """
    new = NewJob(
        job_type=job_type,
        payload=payload,
        priority=priority,
        delay=delay,
        run_at=run_at,
        max_attempts=max_attempts,
        user_id=user_id,
    )
    row = _row(new)
    try:
        if isinstance(job_type, Handler):
            register_types(connection, [job_type])
        found = connection.execute(_SQL["enqueue"].sql, row).fetchone()
    except psycopg.Error as error:
        raise _translated(error) from error
    assert found is not None
    return UUID(str(found[0]))


def enqueue_many(connection: psycopg.Connection[Any], jobs: Iterable[NewJob]) -> list[UUID]:
    """Enqueue jobs in the caller's transaction, by COPY; returns their ids in order.

    Raises:
        InvalidJobError, PayloadError, UnknownJobTypeError: as `enqueue`; then none of the jobs is enqueued.
    """
    batch = list(jobs)
    rows = [_row(new) for new in batch]
    if not rows:
        return []
    # A connection that is not in autocommit is in the caller's transaction; transaction() would commit it.
    with connection.transaction() if connection.autocommit else nullcontext():
        try:
            register_types(connection, {new.job_type for new in batch if isinstance(new.job_type, Handler)})
            found = connection.execute(
                _SQL["check_job_types"].sql, {"job_types": sorted({row["job_type"] for row in rows})}
            ).fetchone()
        except psycopg.Error as error:
            raise _translated(error) from error
        assert found is not None
        ids = _copy(connection, rows, found[0])
        connection.execute(_SQL["wake_workers"].sql)
    return ids


def register_types(connection: psycopg.Connection[Any], handlers: Iterable[Handler]) -> None:
    """Make the handlers' types known to the database, so that their jobs may be enqueued by name."""
    names = sorted(handler.job_type for handler in handlers)
    if names:
        connection.execute(_SQL["register_job_types"].sql, {"job_types": names})


def _copy(connection: psycopg.Connection[Any], rows: list[dict[str, Any]], now: datetime) -> list[UUID]:
    ids: list[UUID] = []
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_jobs"].sql) as copy:
        for row in rows:
            ids.append(uuid7())
            due = (row["run_at"] or now) + (row["delay"] or timedelta())
            copy.write_row(
                (
                    ids[-1],
                    row["job_type"],
                    "scheduled" if due > now else "pending",
                    row["priority"],
                    due,
                    row["payload"],
                    row["payload_version"],
                    row["user_id"],
                    row["max_attempts"],
                )
            )
    return ids


def _row(new: NewJob) -> dict[str, Any]:
    """The parameters of the job's statement, checked."""
    handler = new.job_type if isinstance(new.job_type, Handler) else None
    name = new.job_type if isinstance(new.job_type, str) else new.job_type.job_type
    _check(new, name)
    return {
        "job_type": name,
        "payload": handler.write(new.payload) if handler else write_payload(name, new.payload),
        "payload_version": handler.version if handler else 1,
        "priority": new.priority,
        "delay": new.delay,
        "run_at": new.run_at and new.run_at.astimezone(UTC),
        "max_attempts": new.max_attempts,
        "user_id": new.user_id,
    }


def _check(new: NewJob, name: str) -> None:
    if not 0 <= new.priority <= 10:
        raise InvalidJobError(f"{name}: the priority is {new.priority}; it must be 0 to 10, ten being the most urgent")
    if not 1 <= new.max_attempts <= 1000:
        raise InvalidJobError(f"{name}: max_attempts is {new.max_attempts}; it must be 1 to 1000")
    if new.delay is not None and new.delay < timedelta():
        raise InvalidJobError(f"{name}: the delay is negative", remedy="Leave it out to run the job at once.")
    if new.run_at is not None and new.run_at.tzinfo is None:
        raise InvalidJobError(
            f"{name}: run_at has no time zone", remedy="Use datetime.now(UTC) and the like, never a naive datetime."
        )


def _translated(error: psycopg.Error) -> Exception:
    if error.sqlstate == _UNKNOWN_TYPE:
        return UnknownJobTypeError(
            error.diag.message_primary or str(error),
            remedy="Check its spelling; a worker that starts makes its types known, and so does register_types().",
        )
    return NoQueueError() if error.sqlstate in (_NO_SCHEMA, _NO_FUNCTION) else error
