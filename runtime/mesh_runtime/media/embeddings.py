"""Embedding the media that have no vector of the active model yet, in batches of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mesh_runtime.database import queries
from mesh_runtime.database.vectors import HEADER, TRAILER, encode
from mesh_runtime.errors import Permanent
from mesh_runtime.media.embedder import Medium, embedder_of

if TYPE_CHECKING:
    import psycopg

    from mesh_runtime.media.embedder import Embedder

_SQL = queries("media")
BATCH = 1_000


def embed_resolved(connection: psycopg.Connection[Any]) -> int:
    """Embed the media of the temporary table `resolving` that lack a vector; returns how many."""
    row = connection.execute(_SQL["active_model"].sql).fetchone()
    if row is None:
        raise Permanent("no embedding model is active", remedy="Make one active in mesh.embedding_models.")
    model, embedder = row[0], embedder_of(*row[1:])
    connection.execute(_SQL["create_embedded"].sql)
    count = _embed_missing(connection, model, embedder)
    if count:
        connection.execute(_SQL["add_embeddings"].sql, {"model": model})
    return count


def _embed_missing(connection: psycopg.Connection[Any], model: int, embedder: Embedder) -> int:
    count = 0
    with connection.cursor(name="media_to_embed") as missing:
        missing.execute(_SQL["media_to_embed"].sql, {"model": model})
        while rows := missing.fetchmany(BATCH):
            vectors = embedder.embed([Medium(*row[1:]) for row in rows])
            ids = np.array([row[0] for row in rows], np.int64)
            with connection.cursor() as cursor, cursor.copy(_SQL["copy_embedded"].sql) as copy:
                copy.write(HEADER + encode(ids, vectors) + TRAILER)
            count += len(rows)
    return count
