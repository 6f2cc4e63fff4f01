"""Staging: the items of a sync go into `mesh.staged_items` by COPY, by batches; nothing is applied yet."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID  # noqa: TC003  what reads the hints of a public tuple needs it

from psycopg.types.json import Jsonb

from mesh_runtime.database import queries
from mesh_runtime.queue.errors import StaleLeaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from mesh_runtime.ingest.export import Export, Found, Tally

_SQL = queries("ingest")
BATCH = 5_000


class Holder(NamedTuple):
    """A sync, and the lease of the job that stages it."""

    sync_id: UUID
    token: int


def stage(connection: psycopg.Connection[Any], holder: Holder, export: Export, tally: Tally) -> None:
    """Stage every item of an export, in place of what an earlier attempt staged.

    Each batch is a transaction of its own: what a broken export gave until then can be looked at, and no transaction is
    as long as the export.

    Raises:
        StaleLeaseError: another worker has the job now, or the sync was deleted. Nothing is left behind after that.
    """
    _hold(connection, holder)
    connection.execute(_SQL["clear_staging"].sql, {"id": holder.sync_id})
    connection.commit()
    found = export.items(tally)
    while _copy(connection, holder, export.manifest.media, islice(found, BATCH)):
        connection.commit()


def _hold(connection: psycopg.Connection[Any], holder: Holder) -> None:
    if connection.execute(_SQL["hold_sync"].sql, holder._asdict()).fetchone() is None:
        raise StaleLeaseError(f"the sync {holder.sync_id} is no longer this job's to stage")


def _copy(connection: psycopg.Connection[Any], holder: Holder, media: str, batch: Iterator[Found]) -> int:
    _hold(connection, holder)
    count = 0
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_staging"].sql) as copy:
        for form, item in batch:
            of_form = (holder.sync_id, form.media or media, form.stream_name, form.signal, form.fidelity)
            copy.write_row((*of_form, list(item.schemes), list(item.ids), *item[2:]))
            count += 1
    return count


def mark_staged(connection: psycopg.Connection[Any], sync_id: UUID, job_id: UUID, tally: Tally) -> None:
    """Note that the whole export is staged, what it came to, and which job goes on."""
    values = {
        "id": sync_id,
        "job_id": job_id,
        "records": tally.records.total(),
        "kept": tally.kept,
        "skipped": Jsonb(dict(tally.skipped)),
    }
    connection.execute(_SQL["mark_staged"].sql, values)
