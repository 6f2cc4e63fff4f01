"""What a database has applied is not written over, though the project's server does not run or cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .changing_app import made_app, mesh, migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPEC = "kind: post-type\nname: recipe\nfields:\n  title: {type: string}\n"
MORE = f"{SPEC}  more: {{type: int, required: false}}\n"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An app with a type, whose server has run and is stopped."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    app = made_app(tmp_path, SPEC)
    try:
        assert mesh(app, "db", "migrate")[0] == 0
        assert mesh(app, "db", "down")[0] == 0
        yield app
    finally:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        mesh(app, "db", "down")


def test_a_stopped_server_is_asked(app: Path) -> None:
    before = {name: (app / "sql/migrations" / name).read_bytes() for name in migrations(app)}
    (app / "specs/recipe.yaml").write_text(MORE)
    code, output, errors = mesh(app, "update", "recipe")
    assert code == 0, errors
    assert "is written anew" not in output
    assert {name: (app / "sql/migrations" / name).read_bytes() for name in before} == before
    code, output, errors = mesh(app, "db", "migrate")
    assert (code, errors) == (0, "")
    assert "_recipe_01_change.sql" in output


def test_a_database_that_does_not_answer_may_have_applied_everything(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    before = migrations(app)
    (app / "specs/recipe.yaml").write_text(MORE)
    code, output, errors = mesh(app, "update", "recipe")
    assert code == 0, errors
    assert "is written anew" not in output
    (added,) = set(migrations(app)) - set(before)
    assert added.endswith("_recipe_01_change.sql")
