"""A value of the enum is retired in an app that mesh made, as its own migration, and the app goes on."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mesh_cli.main import main
from mesh_descriptors.project import read_project
from mesh_runtime.database import connect, migrate, sources
from mesh_runtime.settings import Settings
from mesh_runtime.testing import fresh_database
from mesh_scaffold.targets.postgres.retire import retire_value_sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSERT = """
import sys, psycopg
from app.actions import CreatePostParams, create_post
with psycopg.connect(sys.argv[1]) as connection:
    post = create_post(connection, 1, CreatePostParams.model_validate({"type": "TEXT", "text": "still here"}))
    print(post.type, post.text)
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with a poll."""
    folder = tmp_path / "app"
    for arguments in (
        ["init", str(folder)],
        ["new", "post-type", "poll", "--field", "question:string", "--project", str(folder)],
    ):
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
    return folder


@pytest.fixture
def url(mesh_server: str) -> Iterator[str]:
    """The URL of an empty database."""
    with fresh_database(mesh_server) as made:
        yield made


def test_the_app_inserts_posts_after_the_swap(app: Path, url: str) -> None:
    where = sources(Settings(app, read_project(app)))
    with connect(url) as connection:
        migrate(connection, where)
        migration = retire_value_sql(connection, "realtime_post_type", "POLL")
        connection.rollback()
        (app / "sql" / "migrations" / "29990101000000_poll_01_retire.sql").write_text(migration.sql, encoding="utf-8")
        applied = migrate(connection, where)
        assert [each.migration.name for each in applied] == ["29990101000000_poll_01_retire.sql"]
        labels = connection.execute("SELECT enum_range(NULL::realtime_post_type)::text").fetchone()
    assert labels == ("{TEXT,IMAGE,PRODUCT_REVIEW}",)
    done = subprocess.run(
        [sys.executable, "-c", INSERT, url], cwd=app, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "TEXT still here\n"), done.stderr


def mesh(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command through its own door."""
    monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(str(end.value.code or 0))


def labels(url: str) -> list[str]:
    """The enum's values in the database."""
    with connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT unnest(enum_range(NULL::realtime_post_type))::text")]


@pytest.mark.parametrize("options", [(), ("--allow-data-loss",)])
def test_a_type_that_is_removed_takes_its_value_along_and_may_come_back(
    app: Path, url: str, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    where = sources(Settings(app, read_project(app)))
    at = ("--project", str(app))
    with connect(url) as connection:
        migrate(connection, where)
        connection.execute("CREATE INDEX polls ON realtime_posts (poll_question) WHERE type = 'POLL'")
        connection.execute("CREATE VIEW texts AS SELECT text FROM realtime_posts WHERE type IN ('TEXT', 'POLL')")
        connection.commit()
    assert mesh(monkeypatch, "remove", "poll", "--retire-value", "--verify", "all", *options, *at) == 0
    with connect(url) as connection:
        migrate(connection, where)
    assert labels(url) == ["TEXT", "IMAGE", "PRODUCT_REVIEW"]
    assert mesh(monkeypatch, "check", *at) == 0
    assert mesh(monkeypatch, "new", "post-type", "poll", "--field", "question:string", *at) == 0
    with connect(url) as connection:
        migrate(connection, where)
    assert labels(url) == ["TEXT", "IMAGE", "PRODUCT_REVIEW", "POLL"]


def test_a_value_in_use_or_a_function_of_the_type_stops_the_removal(
    app: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with connect(url) as connection:
        migrate(connection, sources(Settings(app, read_project(app))))
        connection.execute("CREATE FUNCTION shown(realtime_post_type) RETURNS text LANGUAGE sql AS 'SELECT 1::text'")
        connection.execute("INSERT INTO realtime_posts (type, author_id, poll_question) VALUES ('POLL', 1, 'Why?')")
        connection.commit()
    before = {path: path.read_bytes() for path in app.rglob("*") if path.is_file() and ".mesh/local" not in str(path)}
    capsys.readouterr()
    assert mesh(monkeypatch, "remove", "poll", "--retire-value", "--project", str(app)) == 2
    said = capsys.readouterr().err
    assert (
        "function public.shown(public.realtime_post_type) depends on realtime_post_type and cannot be recreated" in said
    )
    assert "1 row of public.realtime_posts has 'POLL' in column type" in said
    after = {path: path.read_bytes() for path in app.rglob("*") if path.is_file() and ".mesh/local" not in str(path)}
    assert after == before
