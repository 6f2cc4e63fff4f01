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
