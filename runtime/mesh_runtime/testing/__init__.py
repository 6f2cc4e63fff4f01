"""Pytest fixtures on a real PostgreSQL, for the tests of mesh and of the apps that it makes.

    pytest_plugins = ["mesh_runtime.testing"]

A server of the session's own runs in a temporary folder; each test gets a fresh database, cloned from one that has the
runtime's migrations, and the host's when a `mesh.toml` stands in pytest's root folder or above it. With
`MESH_TEST_DATABASE_URL`, databases are made on that server instead. The fixture `jobs` drives the queue on it.
"""

from __future__ import annotations

from mesh_runtime.testing.databases import (
    SERVER_VARIABLE,
    connection,
    database_url,
    fresh_database,
    mesh_server,
    mesh_template,
    settings,
)
from mesh_runtime.testing.inline import JobDidNotCompleteError
from mesh_runtime.testing.jobs import Jobs, Waiting, jobs

__all__ = [
    "SERVER_VARIABLE",
    "JobDidNotCompleteError",
    "Jobs",
    "Waiting",
    "connection",
    "database_url",
    "fresh_database",
    "jobs",
    "mesh_server",
    "mesh_template",
    "settings",
]
