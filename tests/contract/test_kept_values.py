"""What a changed type leaves in the database is kept, remembered, taken up again or dropped: on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from mesh_runtime.database import connect
from mesh_runtime.database.migration_files import MigrationError
from mesh_runtime.testing import fresh_database

from .changing_app import mesh, migrated, migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    Connection = psycopg.Connection[Any]

HEAD = "kind: post-type\nname: recipe\nfeeds: [global]\n"
COLUMNS = f"{HEAD}fields:\n  title: {{type: string}}\n"
PAYLOAD = f"{HEAD}storage: json\nfields:\n  title: {{type: string}}\n"
LOSING = "--allow-data-loss"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    assert mesh(folder, "init", "app")[0] == 0
    return folder / "app"


@pytest.fixture
def app(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "app", symlinks=True)


@pytest.fixture
def database(mesh_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """An empty database, which the app's commands find."""
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with connect(url, autocommit=True) as connection:
            yield connection


def generate(app: Path, text: str) -> None:
    (app / "specs/recipe.yaml").write_text(text)
    code, _, errors = mesh(app, "new", "post-type", "recipe")
    assert code == 0, errors
    migrated(app, os.environ["DATABASE_URL"])


def update(app: Path, text: str | None, *options: str) -> tuple[str, str]:
    """Update to the spec, apply the migration, and return what was said."""
    if text is not None:
        (app / "specs/recipe.yaml").write_text(text)
    code, output, errors = mesh(app, "update", "recipe", *options)
    assert code == 0, errors
    migrated(app, os.environ["DATABASE_URL"])
    code, checked, _ = mesh(app, "check", "--database")
    assert code == 0, checked
    assert "Nothing to do." in mesh(app, "update", "--all", *options)[1]
    return output, errors


def refused(app: Path, text: str, *options: str) -> str:
    """Why the update is refused; nothing is written."""
    before = migrations(app)
    (app / "specs/recipe.yaml").write_text(text)
    code, _, errors = mesh(app, "update", "recipe", *options)
    assert code == 2, errors
    assert migrations(app) == before
    return errors


def post(database: Connection, **values: object) -> None:
    columns = ", ".join(["type", "author_id", *values])
    marks = ", ".join(["'RECIPE'", "1", *["%s"] * len(values)])
    database.execute(f"INSERT INTO realtime_posts ({columns}) VALUES ({marks})".encode(), [*values.values()])


def rows(database: Connection, what: str) -> list[Any]:
    query = f"SELECT {what} FROM realtime_posts WHERE type = 'RECIPE' ORDER BY created_at, id"
    return [row[0] if len(row) == 1 else row for row in database.execute(query.encode())]


def columns_of(database: Connection) -> set[str]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'realtime_posts'::regclass AND NOT attisdropped"
    return {name for (name,) in database.execute(query)}


def leftovers(app: Path) -> list[tuple[str, str]]:
    record = json.loads((app / ".mesh/record/post-type.recipe.json").read_text())
    return [(each["name"], each["type"]) for each in record.get("leftovers", [])]


def keys_of(database: Connection, column: str) -> list[tuple[str, str]]:
    """What the column's foreign keys refer to, and what becomes of it when that is deleted."""
    query = (
        "SELECT confrelid::regclass::text, confdeltype::text FROM pg_constraint JOIN pg_attribute "
        "ON attrelid = conrelid AND attnum = ANY (conkey) WHERE contype = 'f' "
        "AND conrelid = 'realtime_posts'::regclass AND attname = %s"
    )
    return database.execute(query, [column]).fetchall()


# What stayed goes with a later --allow-data-loss.


def test_a_column_that_stayed_goes_with_a_later_update(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  note: {{type: text, required: false}}\n")
    post(database, recipe_title="Soup", recipe_note="salt")

    _, errors = update(app, COLUMNS)
    assert "stays, with what it holds. To drop it: mesh update recipe --allow-data-loss" in errors
    assert rows(database, "recipe_note") == ["salt"]
    assert leftovers(app) == [("recipe_note", "text")]
    checked = mesh(app, "check", "recipe")
    assert checked[0] == 0
    assert "notice: .mesh/record/post-type.recipe.json: recipe: the column recipe_note stayed" in checked[1]

    update(app, None, LOSING)
    assert "recipe_note" not in columns_of(database)
    assert leftovers(app) == []
    assert "recipe_note" not in mesh(app, "check", "recipe")[1]


def test_a_column_that_stayed_goes_with_the_type(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  note: {{type: text, required: false}}\n")
    update(app, COLUMNS)
    assert mesh(app, "remove", "recipe", LOSING)[0] == 0
    migrated(app, os.environ["DATABASE_URL"])
    assert not {"recipe_note", "recipe_title"} & columns_of(database)


def test_a_column_that_a_migration_of_the_users_dropped_is_forgotten(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  note: {{type: text, required: false}}\n")
    update(app, COLUMNS)
    sql = 'ALTER TABLE realtime_posts DROP COLUMN "recipe_note";\n'
    (app / "sql/migrations/29990101000000_note.sql").write_text(sql)
    before = migrations(app)
    migrated(app, os.environ["DATABASE_URL"])
    update(app, None, LOSING)
    assert (migrations(app), leftovers(app)) == (before, [])
    assert "recipe_note" not in columns_of(database)


def test_a_column_that_another_type_shares_is_not_dropped(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  note: {{type: text, required: false}}\n")
    other = f"{HEAD}fields:\n  remark: {{type: text, required: false, column: recipe_note}}\n"
    (app / "specs/soup.yaml").write_text(other.replace("recipe\n", "soup\n"))
    code, _, errors = mesh(app, "new", "post-type", "soup")
    assert code == 0, errors
    _, errors = update(app, COLUMNS, LOSING)
    assert "The column realtime_posts.recipe_note stays: other types use it." in errors
    assert "recipe_note" in columns_of(database)


def test_a_field_of_another_type_takes_the_place_of_a_column_that_may_go(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  note: {{type: text, required: false}}\n")
    post(database, recipe_title="Soup", recipe_note="salt")
    update(app, COLUMNS)
    again = f"{COLUMNS}  note: {{type: int, required: false}}\n"
    errors = refused(app, again)
    assert "specs/recipe.yaml:6:3: needs the column realtime_posts.recipe_note as bigint" in errors
    assert "drop this one first: run the command with --allow-data-loss, or write a migration" in errors
    update(app, again, LOSING)
    assert rows(database, "recipe_note") == [None]


# References over columns that are there.


def test_a_field_that_returns_as_a_reference_gets_its_foreign_key(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  cook: {{type: int, required: false}}\n")
    post(database, recipe_title="Soup", recipe_cook=1)
    update(app, COLUMNS)
    output, _ = update(app, f"{COLUMNS}  cook: {{type: 'ref[user]', required: false}}\n")
    assert "The column realtime_posts.recipe_cook is taken up again" in output
    assert keys_of(database, "recipe_cook") == [("users", "n")]
    assert rows(database, "recipe_cook") == [1]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        post(database, recipe_title="Cake", recipe_cook=999)


def test_a_reference_that_returns_to_something_else_has_one_key(app: Path, database: Connection) -> None:
    toml = app / "mesh.toml"
    toml.write_text(f'{toml.read_text()}\n[refs.author]\ntable = "authors"\ntype = "bigint"\n')
    sql = "CREATE TABLE authors (id bigint PRIMARY KEY);\n"
    (app / "sql/migrations/20260102000000_authors.sql").write_text(sql)
    generate(app, f"{COLUMNS}  cook: {{type: 'ref[user]', required: false}}\n")
    assert keys_of(database, "recipe_cook") == [("users", "n")]
    update(app, COLUMNS)
    update(app, f"{COLUMNS}  cook: {{type: 'ref[author]', required: false}}\n")
    assert keys_of(database, "recipe_cook") == [("authors", "n")]


def test_a_reference_that_refers_to_nothing_fails_the_migration_alone(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  cook: {{type: int, required: false}}\n")
    post(database, recipe_title="Soup", recipe_cook=999)
    update(app, COLUMNS)
    (app / "specs/recipe.yaml").write_text(f"{COLUMNS}  cook: {{type: 'ref[user]', required: false}}\n")
    assert mesh(app, "update", "recipe")[0] == 0
    with pytest.raises(MigrationError, match="violates foreign key"):
        migrated(app, os.environ["DATABASE_URL"])
    assert rows(database, "recipe_cook") == [999]


def test_a_type_that_comes_back_with_a_reference_gets_its_foreign_key(app: Path, database: Connection) -> None:
    spec = f"{HEAD}fields:\n  cook: {{type: int, required: false}}\n"
    generate(app, spec)
    assert mesh(app, "remove", "recipe")[0] == 0
    migrated(app, os.environ["DATABASE_URL"])
    generate(app, spec.replace("int", "'ref[user]'"))
    assert keys_of(database, "recipe_cook") == [("users", "n")]
    assert mesh(app, "check", "--database")[0] == 0


@pytest.mark.parametrize("required", [True, False])
def test_a_reference_that_is_required_now_or_no_more_says_so_in_its_key(
    app: Path, database: Connection, required: bool
) -> None:
    field = "  cook: {{type: 'ref[user]', required: {}}}\n"
    generate(app, COLUMNS + field.format(str(not required).lower()))
    post(database, recipe_title="Soup", recipe_cook=1)
    update(app, COLUMNS + field.format(str(required).lower()))
    assert keys_of(database, "recipe_cook") == [("users", "a" if required else "n")]


# Columns that change their names.


def test_a_field_takes_the_column_that_a_later_one_leaves(app: Path, database: Connection) -> None:
    generate(app, f"{COLUMNS}  note: {{type: text, required: false}}\n")
    post(database, recipe_title="Soup", recipe_note="salt")
    update(
        app,
        f"{COLUMNS}  more: {{type: int, required: false, column: recipe_note}}\n"
        "  note: {type: text, required: false, column: recipe_remark}\n",
    )
    assert rows(database, "recipe_note, recipe_remark") == [(None, "salt")]


def test_columns_move_on_in_the_order_in_which_their_names_are_free(app: Path, database: Connection) -> None:
    one = "  one: {{type: text, required: false, column: recipe_{}}}\n"
    two = "  two: {{type: text, required: false, column: recipe_{}}}\n"
    generate(app, COLUMNS + one.format("a") + two.format("b"))
    post(database, recipe_title="Soup", recipe_a="1", recipe_b="2")
    update(app, COLUMNS + one.format("b") + two.format("c"))
    assert rows(database, "recipe_b, recipe_c") == [("1", "2")]

    errors = refused(app, COLUMNS + one.format("c") + two.format("b"))
    assert "specs/recipe.yaml:6:3: needs the column recipe_c of a field that needs its own" in errors
    assert "Give one a column that is free first" in errors


def test_a_column_is_not_given_a_name_that_is_taken(app: Path, database: Connection) -> None:
    field = "  {}: {{type: text, required: false}}\n"
    generate(app, COLUMNS + field.format("one") + field.format("two"))
    post(database, recipe_title="Soup", recipe_one="1", recipe_two="2")
    update(app, COLUMNS + field.format("two"))
    moved = f"{COLUMNS}  one: {{type: text, required: false, renamed_from: two}}\n"
    errors = refused(app, moved)
    assert "specs/recipe.yaml:6:3: needs the column realtime_posts.recipe_one, which is there already" in errors
    update(app, moved, LOSING)
    assert rows(database, "recipe_one") == ["2"]


def test_a_column_of_other_types_keeps_its_name(app: Path, database: Connection) -> None:
    del database
    field = "  remark: {{type: text, required: false, column: {}}}\n"
    generate(app, COLUMNS + field.format("text"))
    errors = refused(app, COLUMNS + field.format("recipe_remark"))
    assert "specs/recipe.yaml:6:3: cannot take the column realtime_posts.text along to recipe_remark" in errors
    assert "Put `column:` back." in errors


# Values in payloads and in lists.

MIXED = """\
  rating: {type: string, required: false}
  price: {type: decimal, required: false}
  day: {type: date, required: false}
  tags: {type: "list[string]", required: false}
  one: {type: int, required: false}
"""
CONVERTED = """\
  score: {type: int, required: false, renamed_from: rating}
  price: {type: string, required: false}
  day: {type: datetime, required: false}
  tags: {type: "list[int]", required: false}
  one: {type: "list[decimal]", required: false}
"""
SOUP = {"title": "Soup", "rating": "5", "price": "1.50", "day": "2026-05-17", "tags": ["1", "2"], "one": 3}


def payload(database: Connection, document: dict[str, object]) -> None:
    post(database, payload=json.dumps(document))


def test_values_in_payloads_follow_their_type(app: Path, database: Connection) -> None:
    generate(app, PAYLOAD + MIXED)
    payload(database, SOUP)
    payload(database, {"title": "Bread", "rating": None, "tags": []})
    _, errors = update(app, PAYLOAD + CONVERTED)
    assert "score: the values in payloads that are there stay string, and the validator refuses changes" in errors
    assert "To convert them: mesh update recipe --allow-data-loss" in errors
    assert leftovers(app) == [("score", "string"), ("tags", "list[string]")]
    soup = {"title": "Soup", "price": "1.50", "day": "2026-05-17T00:00:00Z", "one": ["3"]}
    bread = {"title": "Bread", "score": None}
    assert rows(database, "payload") == [soup | {"score": "5", "tags": ["1", "2"]}, bread | {"tags": []}]
    notices = [line for line in mesh(app, "check", "recipe")[1].splitlines() if line.startswith("notice: ")]
    assert [line.partition("json: ")[2] for line in notices] == [
        "recipe: payloads of older posts hold score as string still",
        "recipe: payloads of older posts hold tags as list[string] still",
    ]

    payload(database, {"title": "Cake", "score": 7, "tags": [8]})
    update(app, None, LOSING)
    cake = {"title": "Cake", "score": 7, "tags": [8]}
    assert rows(database, "payload") == [soup | {"score": 5, "tags": [1, 2]}, bread | {"tags": []}, cake]
    assert leftovers(app) == []


@pytest.mark.parametrize("spec", [COLUMNS, PAYLOAD])
def test_posts_whose_value_cannot_be_converted_are_named(app: Path, database: Connection, spec: str) -> None:
    generate(app, f"{spec}  rating: {{type: string, required: false}}\n")
    for number, value in enumerate(["5", "many", None, "more"]):
        fields = {"title": str(number), "rating": value}
        if spec is PAYLOAD:
            payload(database, fields)
        else:
            post(database, **{f"recipe_{name}": each for name, each in fields.items()})
    before = rows(database, "to_jsonb(realtime_posts)")
    (app / "specs/recipe.yaml").write_text(f"{spec}  rating: {{type: int, required: false}}\n")
    code, _, errors = mesh(app, "update", "recipe", LOSING)
    assert code == 0, errors
    with pytest.raises(MigrationError, match="posts whose rating cannot become int: 2") as error:
        migrated(app, os.environ["DATABASE_URL"])
    assert "many" in str(error.value)
    assert before[1]["id"] in str(error.value)
    assert before[0]["id"] not in str(error.value)
    assert "Change or clear these values" in str(error.value)
    assert rows(database, "to_jsonb(realtime_posts)") == before


def test_a_key_that_stayed_goes_with_a_later_update(app: Path, database: Connection) -> None:
    generate(app, f"{PAYLOAD}  note: {{type: string, required: false}}\n")
    payload(database, {"title": "Soup", "note": "salt"})
    _, errors = update(app, PAYLOAD)
    assert "note stays in the payloads that have it" in errors
    assert "mesh update recipe --allow-data-loss" in errors
    assert "the key note of payloads stayed" in mesh(app, "check", "recipe")[1]

    again = f"{PAYLOAD}  note: {{type: int, required: false}}\n"
    errors = refused(app, again)
    assert "specs/recipe.yaml:7:3: needs the key note as int, which payloads hold as string" in errors
    assert "run the command with --allow-data-loss, which drops those values first" in errors
    (app / "specs/recipe.yaml").write_text(PAYLOAD)

    update(app, None, LOSING)
    assert rows(database, "payload") == [{"title": "Soup"}]


def test_a_key_that_stayed_is_read_again(app: Path, database: Connection) -> None:
    generate(app, f"{PAYLOAD}  note: {{type: string, required: false}}\n")
    payload(database, {"title": "Soup", "note": "salt"})
    update(app, PAYLOAD)
    update(app, f"{PAYLOAD}  note: {{type: string, required: false}}\n", LOSING)
    assert rows(database, "payload") == [{"title": "Soup", "note": "salt"}]
    assert leftovers(app) == []


def test_items_of_lists_follow_their_type(app: Path, database: Connection) -> None:
    generate(app, f'{COLUMNS}  tags: {{type: "list[int]", required: false}}\n')
    post(database, recipe_title="Soup", recipe_tags=json.dumps([1, 2]))
    post(database, recipe_title="Bread", recipe_tags="[]")
    post(database, recipe_title="Cake", recipe_tags=None)
    update(app, f'{COLUMNS}  tags: {{type: "list[string]", required: false}}\n')
    assert rows(database, "recipe_tags") == [["1", "2"], [], None]
    errors = refused(app, f'{COLUMNS}  tags: {{type: "list[bool]", required: false}}\n')
    assert "list[string] to list[bool] loses what does not fit" in errors
