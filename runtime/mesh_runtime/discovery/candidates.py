"""Candidates: the users whose taste is nearest to the viewer's, by cosine, through the cache."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql

from mesh_runtime.cache import CacheKey
from mesh_runtime.database import queries
from mesh_runtime.errors import RuntimeFault

if TYPE_CHECKING:
    import psycopg

    from mesh_runtime.cache import Cache

_SQL = queries("discovery")

MOST = 1_000
"""How many candidates one may ask for."""

STORED = 200
"""How many are found and kept at once, so that the next page costs no search."""

LIFETIME = timedelta(seconds=60)
"""How long an answer may miss that somebody else's taste has changed."""


class NoTasteError(RuntimeFault):
    """The viewer has no taste vector to compare with."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user and how near they are: the cosine of both tastes, from -1 to 1."""

    user_id: str
    score: float


@dataclass(frozen=True, slots=True)
class _Viewer:
    model: int
    dimension: int
    vector_version: int


def candidates(
    connection: psycopg.Connection[Any], viewer: str, count: int, *, cache: Cache | None = None
) -> list[Candidate]:
    """The `count` users nearest to the viewer, the nearest first; never the viewer.

    Args:
        connection: a connection; the search is one transaction on it.
        viewer: a user id in canonical form.
        count: from 1 to MOST.
        cache: where answers are kept; None searches in any case.

    Raises:
        NoTasteError: the viewer has no vector; the message says why.
        ValueError: `count` is out of range.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"count must be 1 to {MOST}, not {count}")
    with connection.transaction():
        found = _viewer(connection, viewer)
        if cache is None or count > STORED:
            return _nearest(connection, viewer, found, count)
        key = CacheKey("candidates", viewer, found.model, found.vector_version)
        if (kept := cache.get(key)) is not None:
            return [Candidate(*pair) for pair in json.loads(kept)][:count]
        nearest = _nearest(connection, viewer, found, STORED)
        # A shorter answer is the whole population: cheap to find, and a newcomer would be missed.
        if len(nearest) == STORED:
            cache.purge()
            cache.put(key, json.dumps([(each.user_id, each.score) for each in nearest]).encode(), LIFETIME)
        return nearest[:count]


def _viewer(connection: psycopg.Connection[Any], viewer: str) -> _Viewer:
    row = connection.execute(_SQL["viewer"].sql, {"viewer": viewer}).fetchone()
    if row is None:
        raise RuntimeFault("no embedding model is active", remedy="Make one active in mesh.embedding_models.")
    model, dimension, vector_version, reason, has_vector, waiting = row
    if has_vector:
        return _Viewer(model, dimension, vector_version)
    if waiting:
        raise NoTasteError(
            f"the taste vector of user {viewer} is not built yet", remedy="Run the jobs that wait for it: mesh worker"
        )
    if reason:
        raise NoTasteError(f"user {viewer} has no taste vector: {reason}", remedy="Ingest an export with favourites.")
    raise NoTasteError(
        f"user {viewer} has no taste vector: nothing of theirs was ingested",
        remedy=f"Ingest an export of theirs: mesh ingest CONNECTOR FILE --user {viewer}",
    )


def _nearest(connection: psycopg.Connection[Any], viewer: str, found: _Viewer, count: int) -> list[Candidate]:
    connection.execute(_SQL["widen_search"].sql, {"ef_search": str(min(max(count + 1, 100), 1_000))})
    statement = sql.SQL(_SQL["nearest"].sql).format(
        model=sql.Literal(found.model), dimension=sql.Literal(found.dimension)
    )
    rows = connection.execute(statement, {"viewer": viewer, "limit": count}).fetchall()
    return [Candidate(user_id, float(score)) for user_id, score in rows]
