"""A connection to a database that has the runtime's tables, or an error that says how to get them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mesh_runtime.database import connect, pending, sources
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from mesh_runtime.settings import Settings


class NotMigratedError(DatabaseError):
    """The database lacks tables that the runtime needs."""


@contextmanager
def migrated_database(settings: Settings, name: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection, shown as `name`, to the project's database.

    Raises:
        DatabaseUnreachableError: it does not answer.
        NotMigratedError: it lacks migrations of the runtime.
    """
    with connect(settings, application_name=name) as connection:
        lacking = [each.name for each in pending(connection, sources(settings)) if each.source == "runtime"]
        if lacking:
            raise NotMigratedError(
                f"the database lacks {len(lacking)} migrations of mesh, from {lacking[0]} on",
                remedy="Apply them: mesh db migrate",
            )
        connection.commit()
        yield connection
