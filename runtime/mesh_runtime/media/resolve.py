"""Resolution: the staged items of a sync become canonical media, as sets, in the database.

(1) an id that is known names its medium; (2) so do an equal normalised title and creator; (3) for the rest, provisional
media are made. Items that share an id (an ISRC, say) are one medium even when neither is known yet, and so are all of a
chain of such items.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import queries

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg

_SQL = queries("media")


def resolve(connection: psycopg.Connection[Any], sync_id: UUID) -> None:
    """Fill the temporary table `resolving` with the distinct things of a sync and the medium of each.

    The table lives until the caller's transaction ends. Media are added in one statement and then ids in another, each
    in the order of their keys: syncs which run at once wait for each other, and cannot deadlock.
    """
    for name in ("create_resolving", "create_resolving_ids", "analyze_resolving", "resolve_by_id", "resolve_by_name"):
        connection.execute(_SQL[name].sql, {"id": sync_id})
    if things := _unresolved(connection):
        _join(connection, things)
        for name in ("resolve_by_link", "create_media", "resolve_by_name", "resolve_by_link"):
            connection.execute(_SQL[name].sql)
    connection.execute(_SQL["name_media"].sql)


def _unresolved(connection: psycopg.Connection[Any]) -> int:
    """How many things there are; 0 when each has its medium."""
    row = connection.execute(_SQL["count_unresolved"].sql).fetchone()
    assert row is not None
    return int(row[0])


def _join(connection: psycopg.Connection[Any], things: int) -> None:
    """Note for every thing the first of the chain of links that it belongs to."""
    firsts = array("i", range(things + 1))  # four bytes for each thing, however they are linked
    with connection.cursor(name="linked_things") as links:
        for one, other in links.execute(_SQL["linked_things"].sql):
            low, high = sorted((_first(firsts, one), _first(firsts, other)))
            firsts[high] = low
    connection.execute(_SQL["create_linked"].sql)
    with connection.cursor() as cursor, cursor.copy(_SQL["copy_linked"].sql) as copy:
        for thing in range(1, things + 1):
            if firsts[thing] != thing:
                copy.write_row((thing, _first(firsts, thing)))
    connection.execute(_SQL["join_linked"].sql)


def _first(firsts: array[int], thing: int) -> int:
    """The first of a thing's chain; what is passed on the way points closer to it afterwards."""
    while (before := firsts[thing]) != thing:
        firsts[thing] = thing = firsts[before]
    return thing
