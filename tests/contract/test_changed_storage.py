"""A type is stored otherwise in an app whose database has posts of it: every value moves, or nothing does."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from mesh_runtime.database import MigrationError, connect
from mesh_runtime.testing import fresh_database

from .changing_app import made_app, mesh, migrated, migrations, passes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

FIELDS = """\
fields:
  title: {type: string, max_length: 80}
  servings: {type: int, required: false}
  weight: {type: float, required: false}
  price: {type: decimal, required: false}
  vegan: {type: bool, required: false}
  day: {type: date, required: false}
  at: {type: datetime, required: false}
  more: {type: json, required: false}
  tags: {type: "list[string]", required: false}
  cook: {type: "ref[user]", required: false}
  after: {type: "ref[post]", required: false}
"""
HEAD = "kind: post-type\nname: recipe\n"
COLUMNS, JSON = HEAD + FIELDS, f"{HEAD}storage: json\n{FIELDS}"
POST = {
    "title": "Soup",
    "servings": 4,
    "weight": 1.5,
    "price": "19.90",
    "vegan": True,
    "day": "2026-05-17",
    "at": "2026-05-17T12:00:00.25Z",
    "more": {"a": [None]},
    "tags": ["x"],
    "cook": 1,
}


@pytest.fixture(scope="module")
def in_columns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_app(tmp_path_factory.mktemp("columns"), COLUMNS)


@pytest.fixture(scope="module")
def in_payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_app(tmp_path_factory.mktemp("payload"), JSON)


@pytest.fixture
def database(mesh_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with connect(url, autocommit=True) as connection:
            yield connection


def copied(app: Path, folder: Path) -> Path:
    """The app, its migrations applied."""
    migrated(app, os.environ["DATABASE_URL"])
    return shutil.copytree(app, folder / "app", symlinks=True)


def change(app: Path, spec: str, *options: str) -> tuple[str, str]:
    (app / "specs/recipe.yaml").write_text(spec)
    code, output, errors = mesh(app, "update", "recipe", *options)
    assert code == 0, output + errors
    migrated(app, os.environ["DATABASE_URL"])
    return output, errors


def clean(app: Path) -> None:
    code, output, errors = mesh(app, "check", "--database")
    assert code == 0, output + errors
    assert "Nothing to do." in mesh(app, "update", "--all")[1]
    passes(app, "tests/test_recipe.py")


def inserted(database: psycopg.Connection[Any], column: str, value: object) -> None:
    database.execute(f"INSERT INTO realtime_posts (type, author_id, {column}) VALUES ('RECIPE', 1, %s)", [value])


def payloads(database: psycopg.Connection[Any]) -> list[Any]:
    found = database.execute("SELECT payload FROM realtime_posts WHERE type = 'RECIPE' ORDER BY created_at, id")
    return [payload for (payload,) in found]


def test_values_move_into_the_payload_and_back(
    in_columns: Path, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    app = copied(in_columns, tmp_path)
    names = [*POST, "after"]
    text = database.execute("INSERT INTO realtime_posts (type, author_id, text) VALUES ('TEXT', 1, 'x') RETURNING id")
    values = [psycopg.types.json.Jsonb(each) if isinstance(each, dict | list) else each for each in POST.values()]
    (other,) = text.fetchone() or ()
    database.execute(
        f"INSERT INTO realtime_posts (type, author_id, created_at, {', '.join(f'recipe_{name}' for name in names)}) "
        f"VALUES ('RECIPE', 1, 'epoch', {', '.join(['%s'] * len(names))})",
        [*values, other],
    )
    inserted(database, "recipe_title", "Cake")
    columns = ", ".join(f"recipe_{name}" for name in names)
    query = f"SELECT {columns} FROM realtime_posts WHERE type = 'RECIPE' AND payload IS NULL ORDER BY recipe_title"
    before = database.execute(query).fetchall()

    output, errors = change(app, JSON)
    assert "The values of RECIPE posts move into their payloads." in output
    assert "cook has no foreign key any more: PostgreSQL has none in payloads." in output
    assert errors == ""
    full = {**POST, "at": "2026-05-17T12:00:00.25Z", "after": str(other)}
    assert payloads(database) == [full, {"title": "Cake"}]
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.execute("SELECT recipe_title FROM realtime_posts")
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE realtime_posts SET payload = payload - 'title' WHERE type = 'RECIPE'")
    assert database.execute("SELECT payload FROM realtime_posts WHERE type = 'TEXT'").fetchall() == [(None,)]
    clean(app)

    output, errors = change(app, COLUMNS)
    assert "The values of RECIPE posts move from their payloads into columns." in output
    assert errors == ""
    assert database.execute(query).fetchall() == before
    database.execute("DELETE FROM realtime_posts WHERE type = 'TEXT'")
    assert database.execute(query).fetchall()[1][-1] is None
    clean(app)


def test_fields_change_with_the_storage(in_columns: Path, database: psycopg.Connection[Any], tmp_path: Path) -> None:
    app = copied(in_columns, tmp_path)
    database.execute(
        "INSERT INTO realtime_posts (type, author_id, recipe_title, recipe_servings, recipe_day) "
        "VALUES ('RECIPE', 1, 'Soup', 4, '2026-05-17')"
    )
    spec = JSON.replace(
        "  servings: {type: int, required: false}\n", "  people: {type: decimal, renamed_from: servings}\n"
    )
    spec = spec.replace("  weight: {type: float, required: false}\n", "").replace(
        "people: {type: decimal,", "people: {type: decimal, backfill: 1,"
    )
    _, errors = change(app, spec)
    assert "The column realtime_posts.recipe_weight stays, with what it holds." in errors
    assert payloads(database) == [{"title": "Soup", "people": "4", "day": "2026-05-17"}]
    assert "the column recipe_weight stayed, with what it holds, when its field went" in mesh(app, "check")[1]

    change(app, spec.replace("max_length: 80", "max_length: 70"))
    assert "the column recipe_weight stayed" in mesh(app, "check")[1]
    _, errors = change(app, spec.replace("storage: json\n", "").replace("  day: {type: date, required: false}\n", ""))
    assert "day stays in the payloads that have it" in errors
    assert payloads(database) == [{"day": "2026-05-17"}]
    row = database.execute("SELECT recipe_title, recipe_people, recipe_weight FROM realtime_posts").fetchone()
    assert row == ("Soup", 4, None)
    assert "the key day of payloads stayed" in mesh(app, "check")[1]
    code, output, errors = mesh(app, "update", "recipe", "--allow-data-loss")
    assert code == 0, output + errors
    migrated(app, os.environ["DATABASE_URL"])
    assert payloads(database) == [{}]
    assert "stayed" not in mesh(app, "check")[1]
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.execute("SELECT recipe_weight FROM realtime_posts")


def refused(app: Path, spec: str) -> str:
    """What the migration of a spec says that cannot be applied."""
    count = len(migrations(app))
    (app / "specs/recipe.yaml").write_text(spec)
    code, output, errors = mesh(app, "update", "recipe")
    assert code == 0, output + errors
    assert len(migrations(app)) == count + 1
    with pytest.raises(MigrationError) as caught:
        migrated(app, os.environ["DATABASE_URL"])
    assert "Change or clear these values, then apply the migration again; or take it back: mesh undo." in str(
        caught.value
    )
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("payload", '{"title": "mine"}', "posts whose payload is taken: 1"),
        ("payload", "[]", "posts whose payload is taken: 1"),
        ("recipe_weight", "NaN", "posts whose weight has no place in JSON: 1"),
        ("recipe_price", "Infinity", "posts whose price has no place in JSON: 1"),
        ("recipe_at", "infinity", "posts whose at has no place in JSON: 1"),
    ],
)
def test_what_has_no_place_in_payloads_is_refused_and_nothing_moves(
    in_columns: Path, database: psycopg.Connection[Any], tmp_path: Path, column: str, value: str, told: str
) -> None:
    app = copied(in_columns, tmp_path)
    inserted(database, "recipe_title", "Soup")
    database.execute(f"UPDATE realtime_posts SET {column} = %s WHERE recipe_title = 'Soup'", [value])
    message = refused(app, JSON)
    assert told in message
    assert database.execute("SELECT recipe_title FROM realtime_posts WHERE type = 'RECIPE'").fetchall() == [("Soup",)]
    database.execute(f"UPDATE realtime_posts SET {column} = NULL")
    migrated(app, os.environ["DATABASE_URL"])
    assert payloads(database) == [{"title": "Soup"}]


def test_a_column_in_which_other_posts_have_values_is_not_dropped(
    in_columns: Path, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    app = copied(in_columns, tmp_path)
    database.execute("INSERT INTO realtime_posts (type, author_id, text, recipe_title) VALUES ('TEXT', 1, 'x', 'Mine')")
    assert "posts of other types that hold recipe_title: 1" in refused(app, JSON)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ('{"title": "Soup", "servings": "many"}', "posts whose servings cannot become int: 1"),
        ('{"title": "Soup", "tags": "x"}', "posts whose tags cannot become list[string]: 1"),
        ('{"title": "Soup", "day": "soon"}', "posts whose day cannot become date: 1"),
        ('{"title": "Soup", "cook": 77}', "posts whose cook refers to what is not there: 1"),
        (
            '{"title": "Soup", "after": "0199f3c2-0000-7000-8000-000000000000"}',
            "posts whose after refers to what is not there: 1",
        ),
    ],
)
def test_what_is_nothing_of_a_column_is_refused_and_nothing_moves(
    in_payload: Path, database: psycopg.Connection[Any], tmp_path: Path, payload: str, told: str
) -> None:
    app = copied(in_payload, tmp_path)
    inserted(database, "payload", payload)
    assert told in refused(app, COLUMNS)
    database.execute("""UPDATE realtime_posts SET payload = '{"title": "Soup", "more": null}'""")
    migrated(app, os.environ["DATABASE_URL"])
    assert database.execute("SELECT recipe_title, recipe_more, payload FROM realtime_posts").fetchall() == [
        ("Soup", None, None)
    ]


def test_what_stayed_is_in_the_way_of_a_field_that_comes_back(
    in_payload: Path, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    app = copied(in_payload, tmp_path)
    inserted(database, "payload", '{"title": "Soup", "more": {"a": 1}, "day": "2026-05-17"}')
    short = f"{HEAD}fields:\n  title: {{type: string}}\n"
    change(app, short.replace("fields:", "storage: json\nfields:"))
    change(app, short)
    assert payloads(database) == [{"more": {"a": 1}, "day": "2026-05-17"}]
    change(app, f"{short}  more: {{type: text, required: false}}\n")

    spec = f"{short}  more: {{type: text, required: false}}\n".replace("fields:", "storage: json\nfields:")
    (app / "specs/recipe.yaml").write_text(spec)
    code, _, errors = mesh(app, "update", "recipe")
    assert code == 2
    assert "specs/recipe.yaml:6:3: needs the key more as text, which payloads hold as json" in errors
    assert "--allow-data-loss, which drops those values first" in errors
    change(app, spec, "--allow-data-loss")
    assert payloads(database) == [{"title": "Soup"}]

    change(app, short.replace("fields:", "storage: json\nfields:"))
    change(app, short)
    change(app, f"{short}  size: {{type: int, required: false}}\n")
    change(app, short)
    change(app, short.replace("fields:", "storage: json\nfields:"))
    spec = f"{short}  size: {{type: text, required: false}}\n"
    change(app, spec.replace("fields:", "storage: json\nfields:"))
    (app / "specs/recipe.yaml").write_text(spec)
    code, _, errors = mesh(app, "update", "recipe")
    assert code == 2
    assert "needs the column realtime_posts.recipe_size as text, which" in errors
    change(app, spec, "--allow-data-loss")
    clean(app)


def test_a_type_is_renamed_and_stored_otherwise_at_once(
    in_columns: Path, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    app = copied(in_columns, tmp_path)
    inserted(database, "recipe_title", "Soup")
    (app / "specs/recipe.yaml").unlink()
    (app / "specs/dish.yaml").write_text(JSON.replace("name: recipe", "name: dish\nrenamed_from: recipe"))
    code, output, errors = mesh(app, "update", "dish")
    assert code == 0, output + errors
    migrated(app, os.environ["DATABASE_URL"])
    found = database.execute("SELECT type::text, payload FROM realtime_posts").fetchall()
    assert found == [("DISH", {"title": "Soup"})]
    code, output, errors = mesh(app, "check", "--database")
    assert code == 0, output + errors
