"""What the database's server must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_runtime.database.queries import queries
from mesh_runtime.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

OLDEST_VERSION = 15
EXTENSIONS = ("vector", "pg_trgm")


class RequirementError(DatabaseError):
    """The database's server is too old, or lacks an extension."""


def check_requirements(
    connection: psycopg.Connection[Any], *, oldest: int = OLDEST_VERSION, extensions: Sequence[str] = EXTENSIONS
) -> None:
    """Check the server's version, and that each extension is or can be installed.

    Raises:
        RequirementError: something is missing; the message says what and how to get it.
    """
    version = connection.info.server_version // 10_000
    if version < oldest:
        raise RequirementError(
            f"the server is PostgreSQL {version}; mesh needs {oldest} or newer",
            remedy="Upgrade it, name another server in DATABASE_URL, or unset DATABASE_URL for the embedded one.",
        )
    rows = connection.execute(queries("migrations")["missing_extensions"].sql, {"names": list(extensions)}).fetchall()
    if not connection.autocommit:
        connection.rollback()
    if rows:
        missing = " and ".join(row[0] for row in rows)
        raise RequirementError(
            f"the server lacks the extension {missing}",
            remedy="Install it on the server (pgvector: https://github.com/pgvector/pgvector#installation; pg_trgm "
            "comes with postgresql-contrib), or unset DATABASE_URL: the embedded server has both.",
        )
