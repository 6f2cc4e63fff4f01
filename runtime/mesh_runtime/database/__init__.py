"""The database room: connections, migrations, named queries and the embedded server."""

from __future__ import annotations

from mesh_runtime.database.connect import (
    DatabaseUnreachableError,
    connect,
    connection_options,
    database_url,
    direct_url,
    open_pool,
    redacted,
    server,
    shown_address,
)
from mesh_runtime.database.embedded import EmbeddedServer, ServerStatus
from mesh_runtime.database.migration_files import Migration, MigrationError, Source, runtime_source, sources
from mesh_runtime.database.migration_state import MigrationState, migration_state, pending
from mesh_runtime.database.migrations import Applied, migrate
from mesh_runtime.database.queries import Queries, Query, queries

__all__ = [
    "Applied",
    "DatabaseUnreachableError",
    "EmbeddedServer",
    "Migration",
    "MigrationError",
    "MigrationState",
    "Queries",
    "Query",
    "ServerStatus",
    "Source",
    "connect",
    "connection_options",
    "database_url",
    "direct_url",
    "migrate",
    "migration_state",
    "open_pool",
    "pending",
    "queries",
    "redacted",
    "runtime_source",
    "server",
    "shown_address",
    "sources",
]
