from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.database import EmbeddedServer, runtime_source

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNTIME = len(runtime_source().migrations())


class Project:
    """A project in a folder, and `mesh db` run in it as a person would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "mesh.toml").write_text('[project]\nname = "kitchen"\n')
        (folder / "sql" / "migrations").mkdir(parents=True)

    def migration(self, name: str, text: str) -> Path:
        path = self.folder / "sql" / "migrations" / name
        path.write_text(text)
        return path

    def db(self, *arguments: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_")} | variables
        command = [str(Path(sys.executable).with_name("mesh")), "db", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    yield Project(folder)
    EmbeddedServer(folder / ".mesh" / "local").stop()


def test_up_status_migrate_psql_and_down(project: Project) -> None:
    assert json.loads(project.db("status", "--json", code=1).stdout)["running"] is False
    url = project.db("up").stdout.split(": ", 1)[1].strip()
    assert project.db("up").stdout == f"The database runs already: {url}\n"
    assert project.db("url").stdout == f"{url}\n"
    project.migration("20260101_dish.sql", "CREATE TABLE dish (name text);")

    plan = json.loads(project.db("migrate", "--dry-run", "--json").stdout)
    assert plan["pending"][-1] == {"source": "host", "name": "20260101_dish.sql"}
    assert len(plan["pending"]) == RUNTIME + 1
    assert "would apply runtime/0001_base.sql\n" in project.db("migrate", "--dry-run").stdout

    applied = project.db("migrate").stdout.splitlines()
    assert len(applied) == RUNTIME + 1
    assert applied[-1].startswith("applied host/20260101_dish.sql in ")
    assert project.db("migrate").stdout == "The database has every migration.\n"
    assert json.loads(project.db("migrate", "--json").stdout) == {"dry_run": False, "applied": []}

    status = json.loads(project.db("status", "--json").stdout)
    assert status["kind"] == "embedded"
    assert status["applied"] == RUNTIME + 1
    assert status["pending"] == []
    assert "vector" in status["extensions"]
    assert "PostgreSQL 18" in project.db("status").stdout

    assert project.db("psql", "-At", "-c", "SELECT count(*) FROM dish").stdout == "0\n"
    assert project.db("down").stdout == "The database is down.\n"
    assert project.db("down").stdout == "The embedded database was not running.\n"


def test_migrate_starts_the_database_and_reports_json(project: Project) -> None:
    done = json.loads(project.db("migrate", "--json").stdout)
    assert [item["name"] for item in done["applied"]] == [item.name for item in runtime_source().migrations()]
    assert all(item["milliseconds"] >= 0 and item["late"] is False for item in done["applied"])


def test_a_failing_migration_says_file_line_and_what_was_kept(project: Project) -> None:
    path = project.migration("20260101_dish.sql", "CREATE TABLE dish (name text);\nCREATE TABEL oops ();\n")
    failed = project.db("migrate", code=2)
    assert f'error: {path}:2: the migration failed: syntax error at or near "TABEL"' in failed.stderr
    assert "Nothing of the file was kept." in failed.stderr
    assert "applied runtime/0001_base.sql" in failed.stdout
    problem = json.loads(project.db("migrate", "--json", code=2).stdout)["error"][0]
    assert problem["place"] == {"path": str(path), "line": 2}


def test_a_changed_migration_stops_migrate_and_shows_in_status(project: Project) -> None:
    path = project.migration("20260101_dish.sql", "CREATE TABLE dish (name text);")
    project.db("migrate")
    path.write_text("CREATE TABLE dish (name text, price int);")
    failed = project.db("migrate", code=2)
    assert f"{path}: was changed after it was applied to this database" in failed.stderr
    status = project.db("status", "--json", code=1)
    assert json.loads(status.stdout)["problems"][0]["place"]["path"] == str(path)
    assert "was changed after it was applied" in project.db("status", code=1).stdout


def test_a_late_migration_is_noticed(project: Project) -> None:
    project.migration("20260201_b.sql", "SELECT 1;")
    project.db("migrate")
    project.migration("20260101_a.sql", "SELECT 1;")
    assert "a branch was merged late" in project.db("migrate").stdout


def test_with_a_database_url_nothing_is_started(project: Project, database_url: str) -> None:
    told = project.db("up", DATABASE_URL=database_url)
    assert "There is nothing to start." in told.stdout
    status = json.loads(project.db("status", "--json", DATABASE_URL=database_url).stdout)
    assert status["kind"] == "DATABASE_URL"
    assert status["applied"] == RUNTIME
    assert project.db("url", DATABASE_URL=database_url).stdout == f"{database_url}\n"
    assert "was left alone" in project.db("down", DATABASE_URL=database_url).stdout
    assert not (project.folder / ".mesh").exists()


def test_migrations_go_through_the_direct_url(project: Project, database_url: str) -> None:
    pooler = "postgresql://nobody@127.0.0.1:1/pooler"
    done = project.db("migrate", DATABASE_URL=pooler, DATABASE_DIRECT_URL=database_url)
    assert done.stdout == "The database has every migration.\n"


@pytest.mark.parametrize("command", ["up", "status", "migrate"])
def test_a_server_that_does_not_answer_is_an_error_without_the_password(project: Project, command: str) -> None:
    failed = project.db(command, code=2, DATABASE_URL="postgresql://cook:hunter2@127.0.0.1:1/kitchen")
    assert "error: no connection to the database at 127.0.0.1:1/kitchen" in failed.stderr
    assert "Check DATABASE_URL" in failed.stderr
    assert "hunter2" not in failed.stdout + failed.stderr


def test_psql_gets_no_password_on_its_command_line(project: Project, database_url: str) -> None:
    secret = database_url.replace("postgres@", "postgres:hunter2@")
    shown = project.db("psql", "-At", "-c", r"\! tr '\0' ' ' < /proc/$PPID/cmdline", DATABASE_URL=secret)
    assert "dbname=" in shown.stdout
    assert "hunter2" not in shown.stdout


def test_a_folder_that_is_no_project_is_an_error(project: Project, tmp_path: Path) -> None:
    failed = project.db("status", "--project", str(tmp_path), code=2)
    assert "mesh.toml: no such file" in failed.stderr
    (project.folder / "mesh.toml").unlink()
    assert "mesh init DIR" in project.db("status", code=2).stderr


def test_a_bad_setting_is_an_error(project: Project) -> None:
    failed = project.db("up", code=2, DATABASE_URL="mysql://cook:hunter2@db/kitchen")
    assert "error: DATABASE_URL: must begin with postgresql://" in failed.stderr
    assert "hunter2" not in failed.stderr
