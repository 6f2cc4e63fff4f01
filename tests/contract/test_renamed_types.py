"""A type gets another name in an app whose database has posts of it: they are its posts still."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from mesh_runtime.database import connect
from mesh_runtime.testing import fresh_database

from .changing_app import made_app, mesh, migrated, passes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

RECIPE = """\
kind: post-type
name: recipe
fields:
  title: {type: string, max_length: 80}
  cook: {type: "ref[user]", required: false}
  level: {type: enum, values: [easy, hard]}
  note: {type: text, required: false, column: text}
  tags: {type: "list[string]", max_items: 3}
"""
DISH = RECIPE.replace("name: recipe", "name: dish\nrenamed_from: recipe")
INSERT = (
    "INSERT INTO realtime_posts (type, author_id, {0}_title, {0}_cook, {0}_level, text, {0}_tags) "
    """VALUES ('{1}', 1, 'Soup', 1, 'easy', 'salt', '["a"]')"""
)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_app(tmp_path_factory.mktemp("pristine"), RECIPE)


@pytest.fixture
def app(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "app", symlinks=True)


@pytest.fixture
def database(mesh_server: str, app: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """The app's database, with its migrations, a post, and things of the user's that name the type."""
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        migrated(app, url)
        with connect(url, autocommit=True) as connection:
            connection.execute(INSERT.format("recipe", "RECIPE"))
            connection.execute("CREATE VIEW recipes AS SELECT recipe_title FROM realtime_posts WHERE type = 'RECIPE'")
            connection.execute("CREATE INDEX own ON realtime_posts (recipe_level) WHERE type = 'RECIPE'")
            yield connection


def renamed(app: Path, text: str = DISH) -> None:
    (app / "specs/recipe.yaml").unlink()
    (app / "specs/dish.yaml").write_text(text)


def files_of(app: Path) -> dict[str, bytes]:
    paths = (path for path in app.rglob("*") if path.is_file())
    found = {path.relative_to(app).as_posix(): path.read_bytes() for path in paths}
    return {path: content for path, content in found.items() if not path.startswith(".mesh/local/")}


def test_posts_follow_their_type_to_its_name(app: Path, database: psycopg.Connection[Any]) -> None:
    url = os.environ["DATABASE_URL"]
    renamed(app)
    before = files_of(app)
    code, output, errors = mesh(app, "update", "dish", "--verify", "all")
    assert (code, errors) == (0, ""), output
    migrated(app, url)

    row = database.execute(
        "SELECT type::text, dish_title, dish_cook, dish_level, text, dish_tags FROM realtime_posts"
    ).fetchone()
    assert row == ("DISH", "Soup", 1, "easy", "salt", ["a"])
    assert database.execute("SELECT count(*) FROM recipes").fetchone() == (1,)
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE realtime_posts SET dish_level = NULL")
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE realtime_posts SET dish_level = 'raw'")
    named = "SELECT conname FROM pg_constraint WHERE conrelid = 'realtime_posts'::regclass AND contype = 'c'"
    assert [name for (name,) in database.execute(named) if "recipe" in name] == []
    code, output, errors = mesh(app, "check", "--database")
    assert code == 0, output + errors
    assert "Nothing to do." in mesh(app, "update", "--all")[1]

    assert mesh(app, "undo")[0] == 0
    assert files_of(app) == before


def test_a_new_database_gets_the_same_by_all_migrations(
    app: Path, database: psycopg.Connection[Any], mesh_server: str
) -> None:
    del database
    renamed(app)
    assert mesh(app, "update", "dish")[0] == 0
    with fresh_database(mesh_server) as url:
        migrated(app, url)
        with connect(url, autocommit=True) as connection:
            connection.execute(INSERT.format("dish", "DISH"))
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                connection.execute(INSERT.format("dish", "RECIPE"))


def test_name_fields_and_bounds_change_at_once(app: Path, database: psycopg.Connection[Any]) -> None:
    text = DISH.replace("  level: {type: enum, values: [easy, hard]}", "  effort: {type: string, renamed_from: level}")
    renamed(app, text + "  size: {type: int, backfill: 4}\n")
    code, output, errors = mesh(app, "update", "--all")
    assert (code, errors) == (0, ""), output
    migrated(app, os.environ["DATABASE_URL"])
    row = database.execute("SELECT type::text, dish_effort, dish_size FROM realtime_posts").fetchone()
    assert row == ("DISH", "easy", 4)
    code, output, errors = mesh(app, "check", "--database")
    assert code == 0, output + errors


def test_a_type_in_the_payload_is_renamed_and_its_first_name_is_free(
    app: Path, database: psycopg.Connection[Any]
) -> None:
    url = os.environ["DATABASE_URL"]
    text = "kind: post-type\nname: song\nstorage: json\nfields: {title: {type: string}}\n"
    (app / "specs/song.yaml").write_text(text)
    assert mesh(app, "new", "post-type", "song")[0] == 0
    migrated(app, url)
    database.execute("""INSERT INTO realtime_posts (type, author_id, payload) VALUES ('SONG', 1, '{"title": "La"}')""")
    (app / "specs/song.yaml").unlink()
    (app / "specs/tune.yaml").write_text(text.replace("name: song", "name: tune\nrenamed_from: song"))
    assert mesh(app, "update", "tune")[0] == 0
    migrated(app, url)
    (app / "specs/song.yaml").write_text(text)
    assert mesh(app, "new", "post-type", "song")[0] == 0
    migrated(app, url)
    for name in ("SONG", "TUNE"):
        with pytest.raises(psycopg.errors.CheckViolation):
            database.execute(f"INSERT INTO realtime_posts (type, author_id, payload) VALUES ('{name}', 1, '{{}}')")
    assert database.execute("SELECT count(*) FROM realtime_posts WHERE type = 'TUNE'").fetchone() == (1,)
    code, output, errors = mesh(app, "check", "--database")
    assert code == 0, output + errors


def test_the_tests_of_a_renamed_type_pass(app: Path, mesh_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        migrated(app, url)
        renamed(app)
        assert mesh(app, "update", "dish")[0] == 0
        migrated(app, url)
        passes(app, "tests/test_dish.py")


def follow_warnings(app: Path, said: str) -> list[str]:
    """What a user does who reads them: the app's own code gets the columns' new names; returns what was warned of."""
    found = re.findall(r"(app/\w+\.py):\d+ still says (\w+), which is (\w+) now", " ".join(said.split()))
    for file, old, new in found:
        path = app / file
        path.write_text(re.sub(rf"\.{old}\b", f".{new}", path.read_text()))
    return [f"{file}: {old}" for file, old, _ in found]


@pytest.mark.parametrize(
    ("old", "new", "warned"),
    [
        ("product_review", "critique", []),
        ("image", "picture", ["app/actions.py: image_url", "app/database.py: image_url"]),
        ("text", "note", []),
    ],
)
def test_a_type_that_was_written_by_hand_is_renamed_once_it_is_adopted(
    pristine: Path,
    mesh_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    warned: list[str],
) -> None:
    app = shutil.copytree(pristine, tmp_path / "app", symlinks=True)
    assert mesh(app, "adopt", old)[0] == 0
    spec = app / f"specs/{old}.yaml"
    (app / f"specs/{new}.yaml").write_text(
        spec.read_text().replace(f"name: {old}", f"name: {new}\nrenamed_from: {old}")
    )
    spec.unlink()
    code, output, errors = mesh(app, "update", new)
    assert code == 0, output + errors
    assert follow_warnings(app, output + errors) == warned
    code, output, errors = mesh(app, "check")
    assert code == 0, output + errors
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        migrated(app, url)
        passes(app, f"tests/test_{new}.py")
