"""What a command would write is verified first, as much as --verify says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scaffold.cli.conftest import Mesh

NEW = ("new", "post-type", "poll", "--field", "question:string")


class FilesOf(Protocol):
    def __call__(self, root: Path) -> dict[str, bytes]: ...


@pytest.fixture
def broken_formatter(app: Path) -> Path:
    """An app whose formatter makes generated SQL that is none."""
    with (app / "mesh.toml").open("a", encoding="utf-8") as file:
        file.write("\n[format]\n'_columns.sql' = ['sed', 's/ADD COLUMN/ADD PILLAR AND/']\n")
    return app


def test_without_a_database_the_sql_is_not_checked_and_that_is_said(mesh: Mesh, app: Path) -> None:
    done = mesh(app, *NEW)
    assert done.returncode == 0, done.stderr
    assert "notice: no database runs: the SQL was not checked. Start one: mesh db up" in done.stdout


def test_sql_that_postgresql_does_not_take_is_not_written(
    mesh: Mesh, broken_formatter: Path, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    before = files_of(broken_formatter)
    done = mesh(broken_formatter, *NEW)
    assert done.returncode == 1
    assert re.search(r"_poll_02_columns\.sql:\d+: is not PostgreSQL's: syntax error at or near", done.stderr)
    assert files_of(broken_formatter) == before
    assert mesh(broken_formatter, *NEW, "--verify", "none").returncode == 0


def test_everything_can_be_verified(
    mesh: Mesh, app: Path, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = mesh(app, *NEW, "--verify", "all")
    assert (done.returncode, done.stderr) == (0, "")
    assert "notice: the" not in done.stdout.replace("notice: The migrations are applied by", "")
    fields = (app / "app" / "fields.py").read_text()
    (app / "app" / "fields.py").write_text(fields.replace("Url", "Address"))
    before = files_of(app)
    done = mesh(app, "new", "post-type", "link", "--field", "to:url", "--verify", "all")
    assert done.returncode != 0, "the app does not define what the validator imports"
    assert files_of(app) == before


def test_modules_that_are_symbolic_links_are_imported_as_they_will_be(mesh: Mesh, app: Path) -> None:
    (app / "core").mkdir()
    (app / "app" / "models.py").rename(app / "core" / "models.py")
    (app / "app" / "models.py").symlink_to("../core/models.py")
    (app / "app" / "validators").rename(app / "core" / "validators")
    (app / "app" / "validators").symlink_to("../core/validators")
    done = mesh(app, *NEW, "--verify", "all")
    assert (done.returncode, done.stderr) == (0, "")
    assert "POLL" in (app / "core" / "models.py").read_text()


def test_a_file_with_conflict_markers_is_not_asked_to_parse(mesh: Mesh, app: Path) -> None:
    assert mesh(app, *NEW).returncode == 0
    validator = app / "app" / "validators" / "poll.py"
    lines = validator.read_text().splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if "poll_question" in line)
    validator.write_text("".join([*lines[:at], "    poll_question: int = 3\n", *lines[at + 1 :]]))
    spec = app / "specs" / "poll.yaml"
    spec.write_text(spec.read_text().replace("type: string", "type: string, max_length: 7"))
    done = mesh(app, "update", "poll")
    assert done.returncode == 1, done.stderr
    assert "<<<<<<<" in validator.read_text()


def test_a_broken_file_that_an_edit_needs_is_an_error(mesh: Mesh, app: Path, files_of: FilesOf) -> None:
    with (app / "app" / "actions.py").open("a", encoding="utf-8") as file:
        file.write("\ndef broken(:\n")
    before = files_of(app)
    done = mesh(app, *NEW)
    assert done.returncode == 2
    assert re.search(r"app/actions\.py:\d+: ", done.stderr)
    assert files_of(app) == before
