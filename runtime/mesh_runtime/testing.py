"""Pytest fixtures on a real PostgreSQL, for the tests of mesh and of the apps that it makes.

    pytest_plugins = ["mesh_runtime.testing"]

A server of the session's own runs in a temporary folder; each test gets a fresh database, cloned from one that has the
runtime's migrations, and the host's when a `mesh.toml` stands in pytest's root folder or above it. With
`MESH_TEST_DATABASE_URL`, databases are made on that server instead.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from mesh_descriptors.project import PROJECT_FILE, NoProjectError, find_project, read_project
from mesh_runtime.database import EmbeddedServer, connect, migrate, runtime_source, sources
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mesh_runtime.database import Source

SERVER_VARIABLE = "MESH_TEST_DATABASE_URL"
"""Names a server to use instead of a new one; its user must be allowed to create databases."""


@contextmanager
def fresh_database(server: str, *, template: str = "template0") -> Iterator[str]:
    """A new database on `server`, as its URL; dropped afterwards, with whoever is still connected to it."""
    name = f"mesh_test_{uuid4().hex}"
    with connect(server, autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        admin.execute(create)
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with connect(server, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def mesh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose databases the tests may make and drop."""
    if url := os.environ.get(SERVER_VARIABLE):
        yield url
        return
    with EmbeddedServer(tmp_path_factory.mktemp("mesh_server"), durable=False).running() as url:
        yield url


@pytest.fixture(scope="session")
def mesh_template(mesh_server: str, pytestconfig: pytest.Config) -> Iterator[str]:
    """The name of a database on `mesh_server` that has all migrations; tests clone it and don't connect to it."""
    with fresh_database(mesh_server) as url:
        with connect(url) as connection:
            migrate(connection, _sources(pytestconfig.rootpath))
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database_url(mesh_server: str, mesh_template: str) -> Iterator[str]:
    """The URL of a fresh database with all migrations, dropped after the test."""
    with fresh_database(mesh_server, template=mesh_template) as url:
        yield url


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the test's database."""
    with connect(database_url) as opened:
        yield opened


@pytest.fixture
def settings(database_url: str, tmp_path: Path, pytestconfig: pytest.Config) -> Settings:
    """Settings on the test's database: the project at pytest's root folder, else a new one in `tmp_path`."""
    project = _host(pytestconfig.rootpath)
    if project is None:
        project = tmp_path / "project"
        project.mkdir()
        (project / PROJECT_FILE).write_text('[project]\nname = "test"\n')
    storage = (tmp_path / "storage").as_uri()
    return Settings.load(project, {"DATABASE_URL": database_url, "MESH_STORAGE_URL": storage})


def _host(root: Path) -> Path | None:
    try:
        return find_project(root)
    except NoProjectError:
        return None


def _sources(root: Path) -> tuple[Source, ...]:
    project = _host(root)
    return (runtime_source(),) if project is None else sources(Settings(project, read_project(project)))
