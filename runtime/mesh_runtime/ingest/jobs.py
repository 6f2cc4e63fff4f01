"""The job that reads a stored export: it streams it into the staging, and hands over to the media room."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003  pydantic reads it at run time

from pydantic import BaseModel

from mesh_runtime.database import queries
from mesh_runtime.ingest.connectors import find_connector
from mesh_runtime.ingest.export import Export, Tally
from mesh_runtime.ingest.limits import Limits
from mesh_runtime.ingest.staging import Holder, mark_staged, stage
from mesh_runtime.ingest.storage import raw_storage
from mesh_runtime.queue import enqueue, job

if TYPE_CHECKING:
    from mesh_runtime.queue import JobContext

_SQL = queries("ingest")


class IngestExport(BaseModel):
    """The sync whose raw file is read."""

    sync_id: UUID


@job("ingest_export", payload=IngestExport)
def ingest_export(payload: IngestExport, context: JobContext) -> None:
    """Stage the export of a sync; a sync that is past that is left as it is."""
    sync_id = payload.sync_id
    with context.connect() as connection:
        row = connection.execute(_SQL["read_sync"].sql, {"id": sync_id}).fetchone()
        if row is None or row[2] != "stored":
            context.complete(connection, {"sync": "gone" if row is None else row[2]})
            return
        user_id, connector, _, key, name = row
        manifest = find_connector(context.settings, connector)
        tally = Tally()
        with raw_storage(context.settings).open(key) as file:
            export = Export(manifest, file, name, Limits.of(context.settings))
            stage(connection, Holder(sync_id, context.job.token), export, tally)
        next_job = enqueue(connection, "resolve_media", {"sync_id": sync_id}, user_id=user_id)
        mark_staged(connection, sync_id, next_job, tally)
        context.complete(connection, {"records": tally.records.total(), "kept": tally.kept})


HANDLERS = (ingest_export,)
