"""Databases for tests: a server of the session's own, and for each test a database that has every migration."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from mesh_descriptors.project import PROJECT_FILE, NoProjectError, find_project, read_project
from mesh_runtime.database import EmbeddedServer, connect, migrate, runtime_source, sources
from mesh_runtime.database.locks import is_locked
from mesh_runtime.settings import GIB, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_runtime.database import Source

_MEMORY = Path("/dev/shm")  # noqa: S108  what is made in it is private and has a name of its own
_PLENTY = 2 * GIB
_ABANDONED_SECONDS = 600
SERVER_VARIABLE = "MESH_TEST_DATABASE_URL"
"""Names a server to use instead of a new one; its user must be allowed to create databases."""


@contextmanager
def fresh_database(server: str, *, template: str = "template0") -> Iterator[str]:
    """A new database on `server`, as its URL; dropped afterwards, with whoever is still connected to it."""
    name = f"mesh_test_{uuid4().hex}"
    with connect(server, autocommit=True) as admin:
        # Copying files is the fastest, but needs a checkpoint, which costs nothing only where nothing is flushed.
        strategy = "FILE_COPY" if admin.execute("SHOW fsync").fetchone() == ("off",) else "WAL_LOG"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template), sql.SQL(strategy)))
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
    with _server_folder(tmp_path_factory) as folder, EmbeddedServer(folder, durable=False).running() as url:
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


@contextmanager
def _server_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the session's server keeps its files: in memory where there is plenty, which is several times faster."""
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        found = None
    if found is None or found.f_bavail * found.f_frsize < _PLENTY or not os.access(_MEMORY, os.W_OK):
        yield tmp_path_factory.mktemp("mesh_server")
        return
    prefix = f"mesh-test-{os.geteuid()}-"
    for left in _MEMORY.glob(f"{prefix}*"):
        # Of a session that was killed. A folder of this minute may be another session's, whose server has yet to start.
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS and not is_locked(left / "postgres.alive"):
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=prefix, dir=_MEMORY) as name:
        yield Path(name)


def _host(root: Path) -> Path | None:
    try:
        return find_project(root)
    except NoProjectError:
        return None


def _sources(root: Path) -> tuple[Source, ...]:
    project = _host(root)
    return (runtime_source(),) if project is None else sources(Settings(project, read_project(project)))
