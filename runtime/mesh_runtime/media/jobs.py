"""The job that applies a staged sync: resolve, embed, and change the user's favourites, all in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID  # noqa: TC003  pydantic reads it at run time

from pydantic import BaseModel

from mesh_runtime.database import queries
from mesh_runtime.media.embeddings import embed_resolved
from mesh_runtime.media.resolve import resolve
from mesh_runtime.queue import enqueue, job

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from mesh_runtime.queue import JobContext

_SQL = {**queries("media"), "clear_staging": queries("ingest")["clear_staging"]}
_APPLY = ("apply_opinions", "apply_plays", "clear_played", "count_plays", "clear_staging")


class ResolveMedia(BaseModel):
    """The sync whose staged items are applied."""

    sync_id: UUID


@job("resolve_media", payload=ResolveMedia)
def resolve_media(payload: ResolveMedia, context: JobContext) -> None:
    """Apply a staged sync, and have the user's taste vector built again."""
    with context.connect() as connection:
        _apply(connection, payload.sync_id, context)


def _apply(connection: psycopg.Connection[Any], sync_id: UUID, context: JobContext) -> None:
    row = connection.execute(_SQL["read_staged_sync"].sql, {"id": sync_id}).fetchone()
    if row is None or row[2] != "staged":
        context.complete(connection, {"sync": "gone" if row is None else row[2]})
        return
    user_id, connector, _ = row
    version = _one(connection, "lock_taste", {"user_id": user_id})
    resolve(connection, sync_id)
    embedded = embed_resolved(connection)
    values = {"id": sync_id, "user_id": user_id, "connector": connector}
    for name in _APPLY:
        connection.execute(_SQL[name].sql, values)
    next_job = enqueue(connection, "build_taste_vector", {"user_id": user_id}, user_id=user_id)
    values |= {"favourites_version": version, "job_id": next_job}
    connection.execute(_SQL["mark_applied"].sql, values)
    context.complete(connection, {"embedded": embedded})


def _one(connection: psycopg.Connection[Any], name: str, values: Mapping[str, object]) -> Any:
    row = connection.execute(_SQL[name].sql, values).fetchone()
    assert row is not None
    return row[0]


HANDLERS = (resolve_media,)
