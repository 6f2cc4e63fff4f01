"""Staging: the items of a sync go into `mesh.staged_items` by COPY, by batches; nothing is applied yet."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from mesh_runtime.database import queries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    import psycopg

    from mesh_runtime.ingest.export import Export, Found, Tally

_SQL = queries("ingest")
BATCH = 5_000


def stage(connection: psycopg.Connection[Any], sync_id: UUID, export: Export, tally: Tally) -> None:
    """Stage every item of an export, in place of what an earlier attempt staged.

    Each batch is a transaction of its own: what a broken export gave until then can be looked at, and no transaction is
    as long as the export.
    """
    connection.execute(_SQL["clear_staging"].sql, {"id": sync_id})
    connection.commit()
    found = export.items(tally)
    while _copy(connection, sync_id, export.manifest.media, islice(found, BATCH)):
        connection.commit()


def _copy(connection: psycopg.Connection[Any], sync_id: UUID, media: str, batch: Iterator[Found]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_staging"].sql) as copy:
        for form, item in batch:
            of_form = (sync_id, form.media or media, form.stream_name, form.signal, form.fidelity)
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
