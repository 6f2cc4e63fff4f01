"""Resolution: the staged items of a sync become canonical media, as sets, in the database.

(1) an id that is known names its medium; (2) so do an equal normalised title and creator; (3) for the rest, provisional
media are made. Items that share an id (an ISRC, say) are one medium even when neither is known yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_runtime.database import queries

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg

_SQL = queries("media")

_ROUNDS = 4
"""After so many rounds the rest of a chain of shared ids becomes media of their own."""


def resolve(connection: psycopg.Connection[Any], sync_id: UUID) -> None:
    """Fill the temporary table `resolving` with the distinct things of a sync and the medium of each.

    The table lives until the caller's transaction ends. Media and ids are added in the order of their keys, so that
    syncs which run at once wait for each other, and cannot deadlock.
    """
    for name in ("create_resolving", "create_resolving_ids"):
        connection.execute(_SQL[name].sql, {"id": sync_id})
    connection.execute(_SQL["analyze_resolving"].sql)
    for round_ in range(_ROUNDS + 1):
        connection.execute(_SQL["resolve_by_id"].sql)
        connection.execute(_SQL["resolve_by_name"].sql)
        if not _unresolved(connection):
            break
        connection.execute(_SQL["create_media"].sql, {"every": round_ >= _ROUNDS - 1})
        connection.execute(_SQL["resolve_by_name"].sql)
        connection.execute(_SQL["name_media"].sql)
    connection.execute(_SQL["name_media"].sql)


def _unresolved(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_SQL["count_unresolved"].sql).fetchone()
    assert row is not None
    return int(row[0])
