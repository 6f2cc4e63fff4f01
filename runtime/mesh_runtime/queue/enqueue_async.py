"""The same as `enqueue`, for psycopg's asynchronous connections."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Unpack

import psycopg
from psycopg.rows import scalar_row

from mesh_runtime.queue.enqueue import SQL, Batch, translated
from mesh_runtime.queue.job_rows import BY_DATABASE, CopyText, gate_parameters, registration, statement
from mesh_runtime.queue.new_jobs import JobOptions, NewJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from pydantic import BaseModel

    from mesh_runtime.queue.handlers import Handler


async def enqueue_async(
    connection: psycopg.AsyncConnection[Any],
    job_type: str | Handler,
    payload: BaseModel | Mapping[str, object],
    **options: Unpack[JobOptions],
) -> UUID:
    """Enqueue a job in the caller's transaction; see `enqueue`, whose arguments, errors and result these are."""
    options.setdefault("id", BY_DATABASE)
    new = NewJob(job_type=job_type, payload=payload, **options)
    name, row = statement(new)
    try:
        async with connection.cursor(row_factory=scalar_row) as cursor:
            for gate in gate_parameters([new]):
                await cursor.execute(SQL["define_gate"].sql, gate)
            await cursor.execute(SQL[name].sql, row)
            found: UUID | None = await cursor.fetchone()
    except psycopg.Error as error:
        raise translated(error) from error
    assert found is not None
    return found


async def enqueue_many_async(connection: psycopg.AsyncConnection[Any], jobs: Iterable[NewJob]) -> list[UUID]:
    """Enqueue jobs in the caller's transaction; see `enqueue_many`, whose errors and result these are."""
    batch = Batch(jobs)
    if not batch.ids:
        return []
    async with (
        connection.transaction() if connection.autocommit else nullcontext(),
        connection.cursor(row_factory=scalar_row) as cursor,
    ):
        try:
            for name, row in batch.before():
                await cursor.execute(SQL[name].sql, row)
            if batch.plain:
                await cursor.execute(SQL["check_job_types"].sql, batch.plain_types())
                now: datetime | None = await cursor.fetchone()
                assert now is not None
                await _copy(connection, CopyText(batch.plain, now))
            if batch.special:
                await cursor.execute(SQL["enqueue_batch"].sql, batch.special_rows())
                batch.place(await cursor.fetchall())
        except psycopg.Error as error:
            raise translated(error) from error
    return batch.ids


async def register_types_async(connection: psycopg.AsyncConnection[Any], handlers: Iterable[Handler]) -> None:
    """Make the handlers' types known to the database, so that their jobs may be enqueued by name."""
    row = registration(handlers)
    if row["job_types"]:
        await connection.execute(SQL["register_job_types"].sql, row)


async def _copy(connection: psycopg.AsyncConnection[Any], text: CopyText) -> None:
    # A savepoint: a job that turns out to be wrong takes nothing else of the caller's transaction along.
    async with connection.transaction(), connection.cursor() as cursor, cursor.copy(SQL[text.statement].sql) as copy:
        for block in text:
            await copy.write(block)
    await connection.execute(SQL["copied_jobs"].sql, text.moves())
