"""The fixtures that mesh ships, as an app uses them: in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from pathlib import Path

CONFTEST = 'pytest_plugins = ["mesh_runtime.testing"]\n'
TESTS = """
import os

def test_migrated(connection, settings):
    connection.execute("INSERT INTO dish VALUES ('soup')")
    connection.commit()
    assert settings.project_file.project.name == "kitchen"
    assert settings.database_url
    assert settings.storage_url.startswith("file://")

def test_fresh(connection, mesh_server):
    assert connection.execute("SELECT count(*) FROM dish").fetchone() == (0,)
    print("server", mesh_server)

def test_that_fails(connection):
    print("server", connection.info.dsn)
    assert False
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "tests").mkdir(parents=True)
    (folder / "sql" / "migrations").mkdir(parents=True)
    (folder / "mesh.toml").write_text('[project]\nname = "kitchen"\n')
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n')
    (folder / "sql" / "migrations" / "20260101_dish.sql").write_text("CREATE TABLE dish (name text);")
    (folder / "tests" / "conftest.py").write_text(CONFTEST)
    (folder / "tests" / "test_app.py").write_text(TESTS)
    return folder


def run_pytest(app: Path, *arguments: str, **variables: str) -> str:
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", *arguments]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | variables
    done = subprocess.run(command, cwd=app, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_an_apps_tests_get_its_migrations_and_the_server_ends_with_them(app: Path) -> None:
    output = run_pytest(app)
    assert "1 failed, 2 passed" in output
    server = next(line.partition("server ")[2] for line in output.splitlines() if "server postgresql://" in line)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server).close()
    assert not (app / ".mesh").exists()


def test_parallel_workers_do_not_meet(app: Path) -> None:
    assert "1 failed, 2 passed" in run_pytest(app, "-n", "2")


def test_a_server_may_be_given_and_is_left_clean(app: Path, mesh_server: str) -> None:
    count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'mesh_test_%'"
    with connect(mesh_server, autocommit=True) as connection:
        before = connection.execute(count).fetchone()
        assert "1 failed, 2 passed" in run_pytest(app, MESH_TEST_DATABASE_URL=mesh_server)
        assert connection.execute(count).fetchone() == before
