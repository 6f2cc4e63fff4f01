"""Putting jobs into the queue, inside the caller's transaction."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Unpack

import psycopg
from psycopg.rows import scalar_row

from mesh_runtime.database import queries
from mesh_runtime.queue.errors import InvalidJobError, NoQueueError, UnknownJobTypeError, UnknownParentError
from mesh_runtime.queue.handlers import Handler
from mesh_runtime.queue.identifiers import chosen
from mesh_runtime.queue.job_problems import checked_type
from mesh_runtime.queue.job_rows import (
    BY_DATABASE,
    CopyText,
    batch_text,
    gate_parameters,
    registration,
    statement,
)
from mesh_runtime.queue.new_jobs import JobOptions, NewJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from pydantic import BaseModel

SQL = queries("enqueue")
"""The statements that put jobs into the queue, and make their types known."""


def enqueue(
    connection: psycopg.Connection[Any],
    job_type: str | Handler,
    payload: BaseModel | Mapping[str, object],
    **options: Unpack[JobOptions],
) -> UUID:
    """Enqueue a job in the caller's transaction: it exists once that commits, and never if it rolls back.

    The arguments are the attributes of `NewJob`. Returns the job's id; under a unique or debounce key that is taken,
    the id of the job that has it.

    Raises:
        InvalidJobError: an argument cannot be; nothing was sent to the database.
        PayloadError: the payload is not what the handler's model says, or is too large.
        UnknownJobTypeError: no handler of that type was ever registered in this database.
        UnknownParentError: a job in `after` is not known.
    """
    options.setdefault("id", BY_DATABASE)
    new = NewJob(job_type=job_type, payload=payload, **options)
    name, row = statement(new)
    try:
        with connection.cursor(row_factory=scalar_row) as cursor:
            for gate in gate_parameters([new]):
                cursor.execute(SQL["define_gate"].sql, gate)
            found: UUID | None = cursor.execute(SQL[name].sql, row).fetchone()
    except psycopg.Error as error:
        raise translated(error) from error
    assert found is not None
    return found


def enqueue_many(connection: psycopg.Connection[Any], jobs: Iterable[NewJob]) -> list[UUID]:
    """Enqueue jobs in the caller's transaction; returns their ids in order.

    Plain jobs go by COPY; those with keys, gates or parents in one statement, in the order of their keys.

    Raises:
        InvalidJobError, PayloadError, UnknownJobTypeError, UnknownParentError: as `enqueue`; then none is enqueued.
    """
    batch = Batch(jobs)
    if not batch.ids:
        return []
    # A connection that is not in autocommit is in the caller's transaction; transaction() would commit it.
    with (
        connection.transaction() if connection.autocommit else nullcontext(),
        connection.cursor(row_factory=scalar_row) as cursor,
    ):
        try:
            for name, row in batch.before():
                cursor.execute(SQL[name].sql, row)
            if batch.plain:
                now: datetime | None = cursor.execute(SQL["check_job_types"].sql, batch.plain_types()).fetchone()
                assert now is not None
                _copy(connection, CopyText(batch.plain, now))
            if batch.special:
                batch.place(cursor.execute(SQL["enqueue_batch"].sql, batch.special_rows()).fetchall())
        except psycopg.Error as error:
            raise translated(error) from error
    return batch.ids


def register_types(connection: psycopg.Connection[Any], handlers: Iterable[Handler]) -> None:
    """Make the handlers' types known to the database, so that their jobs may be enqueued by name."""
    row = registration(handlers)
    if row["job_types"]:
        connection.execute(SQL["register_job_types"].sql, row)


class Batch:
    """Jobs that are enqueued together: what is sent for them, and the ids that they get."""

    def __init__(self, jobs: Iterable[NewJob]) -> None:
        self._jobs = list(jobs)
        for new in self._jobs:
            if not isinstance(new, NewJob):
                raise InvalidJobError(
                    f"there is a {type(new).__name__} among the jobs; each must be a NewJob",
                    remedy='Write NewJob("type", {...}) for each.',
                )
        self.plain = [new for new in self._jobs if new.is_plain]
        self.special = [new for new in self._jobs if not new.is_plain]
        self.ids = [new.id for new in self._jobs]
        self._order: list[int] = []

    def before(self) -> list[tuple[str, dict[str, Any]]]:
        """What is said before the jobs: handlers' types, ids that may be in use, and gates that they define."""
        handlers = {id(new.job_type): new.job_type for new in self._jobs if isinstance(new.job_type, Handler)}
        known = [("register_job_types", registration(handlers.values(), schemas=False))] if handlers else []
        # A COPY asks about no id; for other jobs the database does.
        ids = chosen(new.id for new in self.plain)
        known += [("refuse_known_ids", {"ids": ids})] if ids else []
        return known + [("define_gate", gate) for gate in gate_parameters(self.special)]

    def plain_types(self) -> dict[str, Any]:
        """The types of the plain jobs."""
        types = {id(new.job_type): new for new in self.plain}
        return {"job_types": sorted({checked_type(new) for new in types.values()})}

    def special_rows(self) -> dict[str, Any]:
        """The other jobs, as one parameter."""
        text, self._order = batch_text(self.special)
        return {"jobs": text}

    def place(self, found: Sequence[UUID]) -> None:
        """Take over the ids that the other jobs have got."""
        special = {self.special[place].id: job_id for place, job_id in zip(self._order, found, strict=True)}
        self.ids = [special.get(own, own) for own in self.ids]


def translated(error: psycopg.Error) -> Exception:
    """The queue's own error for what the database refused; the error itself, if it is none of the queue's."""
    message = error.diag.message_primary or str(error)
    match error.sqlstate:
        case "PT422" if message.startswith("unknown job type"):
            return UnknownJobTypeError(
                message,
                remedy="Check its spelling; a worker that starts makes its types known, and so does register_types().",
            )
        case "PT422" | "PT409":
            return InvalidJobError(message, remedy=error.diag.message_hint)
        case "PT404":
            return UnknownParentError(message, remedy=error.diag.message_hint)
        case "23505" if error.diag.constraint_name == "jobs_pkey":
            return InvalidJobError("a job with this id waits already", remedy="Make a new NewJob for each job.")
        case "3F000" | "42883":
            return NoQueueError()
    return error


def _copy(connection: psycopg.Connection[Any], text: CopyText) -> None:
    # A savepoint: a job that turns out to be wrong takes nothing else of the caller's transaction along.
    with connection.transaction(), connection.cursor() as cursor, cursor.copy(SQL[text.statement].sql) as copy:
        for block in text:
            copy.write(block)
    connection.execute(SQL["copied_jobs"].sql, text.moves())
