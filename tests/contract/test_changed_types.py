"""A type changes and goes, in an app whose database has posts of it: they keep what they may keep."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.types.json import Jsonb

from mesh_runtime.database import connect
from mesh_runtime.testing import fresh_database
from mesh_scaffold.targets.postgres.conversions import conversion
from mesh_scaffold.targets.python.kinds import KINDS

from .changing_app import made_app, mesh, migrated, migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

BEFORE = """\
kind: post-type
name: recipe
fields:
  title: {type: string, max_length: 80}
  servings: {type: int, required: false}
  cook: {type: "ref[user]", required: false}
  level: {type: enum, values: [easy, hard]}
  eaten: {type: date, required: false}
  note: {type: text, required: false}
  rating: {type: string, required: false}
"""
AFTER = """\
kind: post-type
name: recipe
label: Dish
fields:
  title: {type: string, max_length: 200}
  servings: {type: decimal, required: false, min: 1}
  chef: {type: "ref[user]", required: false, renamed_from: cook}
  level: {type: enum, values: [easy, medium, hard], default: medium}
  eaten: {type: datetime, required: false}
  rating: {type: int, required: false}
  tags: {type: "list[string]", backfill: ["it's \\"old\\""]}
  editor: {type: "ref[user]", required: false}
"""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_app(tmp_path_factory.mktemp("pristine"), BEFORE)


@pytest.fixture
def app(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "app", symlinks=True)


@pytest.fixture
def database(mesh_server: str, app: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """The app's database, with its migrations and a post."""
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        migrated(app, url)
        with connect(url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO realtime_posts (type, author_id, recipe_title, recipe_servings, recipe_cook, "
                "recipe_level, recipe_eaten, recipe_note, recipe_rating) "
                "VALUES ('RECIPE', 1, 'Soup', 4, 1, 'easy', '2026-05-17', 'salt', '5')"
            )
            yield connection


def test_posts_follow_their_type(app: Path, database: psycopg.Connection[Any]) -> None:
    before = migrations(app)
    (app / "specs/recipe.yaml").write_text(AFTER)

    code, output, errors = mesh(app, "update", "recipe")
    assert code == 2
    assert "specs/recipe.yaml:10:18: string to int loses what does not fit\n" in errors
    assert "--allow-data-loss" in errors

    code, output, errors = mesh(app, "update", "recipe", "--allow-data-loss")
    assert (code, errors) == (0, ""), output
    (added,) = set(migrations(app)) - set(before)
    assert "recipe_01_change.sql" in added
    migrated(app, os.environ["DATABASE_URL"])
    columns = "recipe_title, recipe_servings, recipe_chef, recipe_eaten, recipe_rating, recipe_tags, recipe_editor"
    (row,) = database.execute(f"SELECT {columns} FROM realtime_posts WHERE type = 'RECIPE'").fetchall()
    assert (row[0], row[1], row[2], row[4], row[5], row[6]) == ("Soup", 4, 1, 5, ['it\'s "old"'], None)
    assert row[3].isoformat() == "2026-05-17T00:00:00+00:00"
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.execute("SELECT recipe_note FROM realtime_posts")
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE realtime_posts SET recipe_tags = NULL WHERE type = 'RECIPE'")
    code, output, errors = mesh(app, "check", "--database")
    assert code == 0, output
    assert "Nothing to do." in mesh(app, "update", "--all")[1]


def test_a_type_goes_and_comes_back(app: Path, database: psycopg.Connection[Any]) -> None:
    code, output, errors = mesh(app, "remove", "recipe")
    assert code == 0, output
    assert "irreversible: the value RECIPE stays in the database's enum realtime_post_type" in errors
    assert "The column realtime_posts.recipe_title stays" in errors
    assert "specs/recipe.yaml stays: mesh did not write it" in errors
    url = os.environ["DATABASE_URL"]
    migrated(app, url)
    database.execute("UPDATE realtime_posts SET recipe_title = NULL")  # no constraint asks for it any more
    database.execute("DELETE FROM realtime_posts")

    code, output, errors = mesh(app, "new", "post-type", "recipe")
    assert code == 0, errors
    migrated(app, url)
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("INSERT INTO realtime_posts (type, author_id) VALUES ('RECIPE', 1)")


def test_a_removal_with_data_loss_drops_the_columns_and_the_value(app: Path, database: psycopg.Connection[Any]) -> None:
    code, _, errors = mesh(app, "remove", "recipe", "--allow-data-loss", "--retire-value")
    assert code == 2
    assert "RECIPE" in errors
    database.execute("DELETE FROM realtime_posts")
    code, output, errors = mesh(app, "remove", "recipe", "--allow-data-loss", "--retire-value")
    assert code == 0, errors
    assert "_retire.sql" in output
    migrated(app, os.environ["DATABASE_URL"])
    values = database.execute("SELECT enum_range(NULL::realtime_post_type)::text").fetchone()
    assert values == ("{TEXT,IMAGE,PRODUCT_REVIEW}",)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.execute("SELECT recipe_title FROM realtime_posts")


def test_a_committed_migration_is_left_alone(app: Path) -> None:
    for arguments in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"),
    ):
        subprocess.run(["git", *arguments], cwd=app, check=True)
    before = {path.name: path.read_bytes() for path in (app / "sql/migrations").iterdir()}
    (app / "specs/recipe.yaml").write_text(BEFORE.replace("max_length: 80", "max_length: 90"))
    assert mesh(app, "update", "recipe")[0] == 0
    after = {path.name: path.read_bytes() for path in (app / "sql/migrations").iterdir()}
    assert {name: after[name] for name in before} == before
    (added,) = set(after) - set(before)
    assert b"BETWEEN" not in after[added]
    assert b'CHECK (char_length("recipe_title") <= 90)' in after[added]


def test_a_required_field_needs_a_value_for_the_posts_that_are_there(
    app: Path, database: psycopg.Connection[Any]
) -> None:
    del database
    (app / "specs/recipe.yaml").write_text(BEFORE + "  size: {type: int}\n")
    code, _, errors = mesh(app, "update", "recipe")
    assert code == 2
    assert "specs/recipe.yaml:11:3: is required now, and the posts that are there have no value for it\n" in errors
    assert "Give it `backfill:` (or `default:`), or `required: false`." in errors


PAYLOAD = """\
kind: post-type
name: recipe
storage: json
fields:
  title: {type: string}
  cook: {type: string, required: false}
  note: {type: text, required: false}
"""
PAYLOAD_AFTER = """\
kind: post-type
name: recipe
storage: json
fields:
  title: {type: string}
  chef: {type: string, required: false, renamed_from: cook}
  size: {type: json, backfill: {"it's {big}": [1, null]}}
"""


def test_payloads_follow_their_type(mesh_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mesh(tmp_path, "init", "app")[0] == 0
    app = tmp_path / "app"
    (app / "specs/recipe.yaml").write_text(PAYLOAD)
    assert mesh(app, "new", "post-type", "recipe")[0] == 0
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        migrated(app, url)
        with connect(url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO realtime_posts (type, author_id, payload) "
                """VALUES ('RECIPE', 1, '{"title": "Soup", "cook": "Ann", "note": "salt"}'), """
                """('RECIPE', 1, '{"title": "Cake"}')"""
            )
            (app / "specs/recipe.yaml").write_text(PAYLOAD_AFTER)
            dry = mesh(app, "update", "recipe", "--dry-run")
            assert "note stays in the payloads that have it" in dry[2]
            assert mesh(app, "update", "recipe", "--allow-data-loss")[0] == 0
            migrated(app, url)
            rows = connection.execute("SELECT payload FROM realtime_posts ORDER BY payload ->> 'title'").fetchall()
            assert [row[0] for row in rows] == [
                {"title": "Cake", "size": {"it's {big}": [1, None]}},
                {"title": "Soup", "chef": "Ann", "size": {"it's {big}": [1, None]}},
            ]
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("UPDATE realtime_posts SET payload = payload - 'size'")


CONVERSIONS = [
    ("int", "string", 5, "5"),
    ("string", "int", "5", 5),
    ("bool", "string", True, "true"),
    ("string", "bool", "true", True),
    ("int", "bool", 1, True),
    ("decimal", "float", "1.5", 1.5),
    ("float", "int", 2.0, 2),
    ("datetime", "date", "2026-05-17T01:00:00Z", "2026-05-17"),
    ("datetime", "string", "2026-05-17T01:00:00Z", None),
    ("date", "string", "2026-05-17", "2026-05-17"),
    ("string", "date", "2026-05-17", "2026-05-17"),
    ("string", "list[string]", "a", ["a"]),
    ("int", "list[int]", 5, [5]),
    ("list[int]", "int", [5, 6], 5),
    ("list[int]", "list[string]", [5], [5]),
    ("json", "string", "text", "text"),
    ("string", "json", "text", "text"),
    ("list[string]", "json", ["a"], "a"),
    ("string", "url", "https://example.org", "https://example.org"),
]


@pytest.mark.parametrize(("was", "now", "stored", "expected"), CONVERSIONS)
def test_values_are_converted(
    connection: psycopg.Connection[Any], was: str, now: str, stored: object, expected: object
) -> None:
    types = [text.removeprefix("list[").removesuffix("]") for text in (was, now)]
    names = [KINDS[name].column for name in types]
    columns = ["jsonb" if text.startswith("list[") else name for text, name in zip((was, now), names, strict=True)]
    connection.execute(f"CREATE TEMPORARY TABLE things (value {columns[0]})")
    value = Jsonb(stored) if columns[0] == "jsonb" else stored
    connection.execute("INSERT INTO things VALUES (%s), (NULL)", [value])
    found = conversion(
        "value", columns[0], columns[1], from_list=was.startswith("list["), to_list=now.startswith("list[")
    )
    if found is not None:
        connection.execute(f"ALTER TABLE things ALTER COLUMN value TYPE {columns[1]} USING {found.expression}")
    rows = [row[0] for row in connection.execute("SELECT to_jsonb(value) FROM things")]
    assert rows[1] is None
    assert expected is None or rows[0] == expected
