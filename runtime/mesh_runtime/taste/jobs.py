"""The job that builds a user's taste vector: read, pool, write, invalidate and complete, in one transaction.

A worker that dies on the way leaves nothing behind, and the job runs again. Every build pools all favourites, so it
comes out the same however often it runs. Once a day, another job has those built that are behind their favourites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from mesh_runtime.cache import PostgresCache
from mesh_runtime.database import queries
from mesh_runtime.database.vectors import decode
from mesh_runtime.errors import Permanent
from mesh_runtime.queue import job
from mesh_runtime.queue.cron import Schedule
from mesh_runtime.taste.pooling import Pool, weights

if TYPE_CHECKING:
    import psycopg
    from numpy.typing import NDArray

    from mesh_runtime.queue import JobContext

_SQL = {**queries("taste"), "active_model": queries("media")["active_model"]}
_COLUMNS = (("liked", "bool"), ("disliked", "bool"), ("ms_played", "int8"))


class BuildTaste(BaseModel):
    """The user whose vector is built."""

    user_id: str


@job("build_taste_vector", payload=BuildTaste)
def build_taste_vector(payload: BuildTaste, context: JobContext) -> None:
    """Build the user's taste vector from their favourites."""
    with context.connect() as connection:
        result = build(connection, payload.user_id)
        context.complete(connection, result)


@job("backfill_taste_vectors")
def backfill_taste_vectors(_payload: dict[str, object], context: JobContext) -> None:
    """Have the vectors built that are behind their users' favourites, because a build died or was never enqueued."""
    with context.connect() as connection:
        users = _row(connection, "enqueue_stale_tastes", {})[0]
        context.complete(connection, {"users": users})


def build(connection: psycopg.Connection[Any], user_id: str) -> dict[str, object]:
    """Pool the user's favourites and write what comes of it, in the caller's transaction.

    Returns:
        `state` (`ready` or `empty`), `media` (how many were pooled), `vector_version` and, if empty, the `reason`.
    """
    # In two statements: the lock may have waited for a change, which only a later statement sees.
    connection.execute(_SQL["add_taste"].sql, {"user_id": user_id})
    favourites_version = _row(connection, "lock_taste", {"user_id": user_id})[0]
    model, _, _, dimension = _row(connection, "active_model", {})
    pool = _pooled(connection, user_id, model, dimension)
    taste = pool.result()
    _write(connection, user_id, model, taste)
    outcome = {
        "state": "empty" if isinstance(taste, str) else "ready",
        "reason": taste if isinstance(taste, str) else None,
        "media": pool.media,
    }
    values = outcome | {"user_id": user_id, "built_version": favourites_version}
    version = _row(connection, "mark_built", values)[0]
    PostgresCache(connection).invalidate(user_id)
    return outcome | {"vector_version": version}


def _pooled(connection: psycopg.Connection[Any], user_id: str, model: int, dimension: int) -> Pool:
    pool = Pool(dimension)
    values = {"user_id": user_id, "model": model}
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_opinions"].sql, values) as copy:
        for rows in decode(copy, _COLUMNS, dimension):
            weight = weights(rows["liked"], rows["disliked"], rows["ms_played"].astype(np.int64))
            pool.add(weight, rows["vector"].astype(np.float32))
    return pool


def _write(connection: psycopg.Connection[Any], user_id: str, model: int, taste: NDArray[np.float32] | str) -> None:
    values: dict[str, object] = {"user_id": user_id, "model": model}
    if isinstance(taste, str):
        connection.execute(_SQL["delete_vector"].sql, values)
    else:
        text = "[" + ",".join(map(repr, taste.astype(float).tolist())) + "]"
        connection.execute(_SQL["upsert_vector"].sql, values | {"taste": text})


def _row(connection: psycopg.Connection[Any], name: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(_SQL[name].sql, values).fetchone()
    if row is None:
        raise Permanent("no embedding model is active", remedy="Make one active in mesh.embedding_models.")
    return row


HANDLERS = (build_taste_vector, backfill_taste_vectors)
SCHEDULES = (Schedule(name="backfill_taste_vectors", cron="17 3 * * *", job=backfill_taste_vectors),)
