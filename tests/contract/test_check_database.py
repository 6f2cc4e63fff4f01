"""`mesh check --database`: what the code asks for is compared with what the app's own migrations made."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mesh_runtime.database import connect, migrate, sources
from mesh_runtime.settings import Settings
from mesh_runtime.testing import fresh_database

from .changing_app import made_app, mesh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

SPEC = """\
kind: post-type
name: recipe
fields:
  title: {type: string, max_length: 80}
  servings: {type: int, required: false, min: 1}
  chef: {type: "ref[user]", required: false}
  level: {type: enum, values: [easy, hard]}
  eaten_at: {type: datetime, required: false}
  tags: {type: "list[string]", required: false}
"""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = made_app(tmp_path_factory.mktemp("pristine"), SPEC)
    assert mesh(app, "new", "post-type", "poll", "--field", "question:string")[0] == 0
    return app


@pytest.fixture
def app(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "app", symlinks=True)


@pytest.fixture
def database(
    app: Path, mesh_server: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The app's database, with every migration."""
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with connect(url, autocommit=True) as connection:
            migrate(connection, sources(Settings.load(app, {"DATABASE_URL": url})))
            yield connection


def findings(app: Path, *arguments: str) -> list[str]:
    code, output, errors = mesh(app, "check", "--database", *arguments)
    lines = output.split("\n? ")[-1].splitlines()
    found = [line for line in lines if ": " in line and not line.startswith(("✓", " "))]
    assert code == bool(found), errors or output
    return found


@pytest.mark.usefixtures("database")
def test_an_app_with_all_its_migrations_has_no_finding(app: Path) -> None:
    assert findings(app) == []


def test_three_things_that_were_undone_by_hand_are_named_and_nothing_else(
    app: Path, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    feed = app / "app/feed.py"
    feed.write_text(feed.read_text().replace("        PostType.RECIPE,\n", ""))
    (app / "app/trending.py").write_text(
        "from app.models import PostType as T\n\nLIST = [T.TEXT, T.IMAGE, T.PRODUCT_REVIEW, T.POLL]\n"
    )
    database.execute("ALTER TABLE realtime_posts DROP COLUMN recipe_title")
    assert findings(app) == [
        "app/feed.py:13: recipe: missing: listed by its feeds",
        "app/trending.py:3: recipe: missing: in LIST (list), which has 4 of 5 types",
        "specs/recipe.yaml:4:3: recipe: missing in the database: column recipe_title of realtime_posts",
    ]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DROP CONSTRAINT realtime_posts_recipe_servings_range",
         "specs/recipe.yaml:5:3: recipe: missing in the database: constraint realtime_posts_recipe_servings_range of "
         "realtime_posts"),
        ("DROP CONSTRAINT realtime_posts_recipe_chef_fkey",
         "specs/recipe.yaml:6:3: recipe: missing in the database: foreign key of realtime_posts.recipe_chef to users"),
        ("ALTER COLUMN recipe_servings TYPE integer",
         "specs/recipe.yaml:5:3: recipe: column recipe_servings of realtime_posts is integer, not bigint, in the "
         "database"),
        ("ALTER COLUMN recipe_eaten_at TYPE timestamp",
         "specs/recipe.yaml:8:3: recipe: column recipe_eaten_at of realtime_posts is timestamp without time zone, not "
         "timestamptz, in the database"),
        ("DROP COLUMN image_caption",
         "app/models.py:38: image: missing in the database: column image_caption of realtime_posts"),
        ("ALTER COLUMN image_caption TYPE bytea USING NULL",
         "app/models.py:38: image: column image_caption of realtime_posts is bytea, not text, in the database"),
    ],
)  # fmt: skip
def test_what_is_not_in_the_database_is_named_at_what_asks_for_it(
    app: Path, database: psycopg.Connection[tuple[object, ...]], statement: str, found: str
) -> None:
    database.execute("DROP VIEW posts_new")
    database.execute(f"ALTER TABLE realtime_posts {statement}".encode())
    assert findings(app) == [found]


def test_a_constraint_under_another_name_is_there(app: Path, database: psycopg.Connection[tuple[object, ...]]) -> None:
    database.execute("ALTER TABLE realtime_posts RENAME CONSTRAINT realtime_posts_recipe_title_required TO other")
    assert findings(app) == []


@pytest.mark.parametrize(
    ("constraint", "condition", "line"),
    [
        ("recipe_servings_range", "recipe_servings >= 2", 5),
        ("recipe_title_length", "char_length(recipe_title) <= 800", 4),
        ("recipe_level_values", "recipe_level IN ('easy', 'heavy')", 7),
    ],
)
def test_a_constraint_of_that_name_that_says_something_else_is_told(
    app: Path, database: psycopg.Connection[tuple[object, ...]], constraint: str, condition: str, line: int
) -> None:
    name = f"realtime_posts_{constraint}"
    alter = f"ALTER TABLE realtime_posts DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"
    database.execute(alter.encode())
    (found,) = findings(app)
    assert found.startswith(f"specs/recipe.yaml:{line}:3: recipe: constraint {name} of realtime_posts is CHECK (")
    assert found.endswith(" NOT VALID, in the database")


def test_a_condition_is_told_on_one_line_with_escapes_for_what_no_screen_shows(
    app: Path, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    name = "realtime_posts_recipe_level_values"
    condition = r"recipe_level <> E'a\nb\r\u202E\u200F\x1B[2J\t🎉 \\d'"
    alter = f"ALTER TABLE realtime_posts DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID"
    database.execute(alter.encode())
    (found,) = findings(app)
    assert r"a\nb\r\u202e\u200f\u001b[2J\t🎉 \d" in found
    assert found.isprintable()


BOUNDS = r"""kind: post-type
name: odd
fields:
  a: {type: string, required: false, pattern: '^\d+\.[a-z"'']+$', min_length: 2, max_length: 9}
  b: {type: int, required: false, min: -5, max: 2147483648}
  c: {type: float, required: false, min: -0.5, max: 1.0e+20}
  d: {type: decimal, required: false, min: 0.10}
  e: {type: date, required: false, min: 2026-01-01}
  f: {type: datetime, required: false, min: "2026-01-01T00:00:00Z", max: "2027-06-01T12:30:00Z"}
  g: {type: "list[enum]", required: false, values: ["a b", "it's", "\"q\"", "5"], min_items: 1, max_items: 3}
  h: {type: enum, values: ["::int", "1.0", only], default: only}
  i: {type: int, column: text_number, min: 3}
  j: {type: enum, required: false, values: ["a\nb", "tab\t\\t's", "\u202ertl", "\u200f\U0001F389", "x::\ny", "\e[0m"]}
"""


def test_a_condition_that_postgresql_writes_otherwise_is_the_same(
    app: Path, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    (app / "specs/odd.yaml").write_text(BOUNDS)
    code, _, errors = mesh(app, "new", "post-type", "odd")
    assert code == 0, errors
    migrate(database, sources(Settings.load(app, {})))
    assert findings(app) == []


def test_a_varchar_holds_text(app: Path, database: psycopg.Connection[tuple[object, ...]]) -> None:
    database.execute("ALTER TABLE realtime_posts ALTER COLUMN recipe_title TYPE varchar(80)")
    assert findings(app) == []


@pytest.mark.usefixtures("database")
def test_a_type_whose_migrations_were_not_applied_is_missing_value_and_columns(app: Path) -> None:
    assert mesh(app, "new", "post-type", "event", "--field", "place:string?")[0] == 0
    assert findings(app) == [
        "app/models.py:22: event: missing in the database: value EVENT of realtime_post_type",
        "specs/event.yaml:4:3: event: missing in the database: column event_place of realtime_posts",
    ]
    assert findings(app, "recipe") == []


def test_an_empty_database_lacks_the_enum_and_the_table(
    app: Path, mesh_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_database(mesh_server) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        assert findings(app) == [
            "mesh.toml, field posts: missing in the database: type realtime_post_type",
            "mesh.toml, field posts: missing in the database: table realtime_posts",
        ]


def test_a_database_that_does_not_answer_is_no_finding_but_exit_code_2(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, _, errors = mesh(app, "check", "--database")
    assert code == 2
    assert errors.startswith("error: the database cannot be reached: ")


def test_hand_written_types_that_were_adopted_and_got_a_field_have_no_finding(
    app: Path, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    for name in ("text", "image", "product_review"):
        assert mesh(app, "adopt", name)[0] == 0
        with (app / f"specs/{name}.yaml").open("a") as file:
            file.write("  mood: {type: string, required: false, max_length: 20}\n")
    assert findings(app) != []
    code, _, errors = mesh(app, "update", "--all")
    assert code == 0, errors
    migrate(database, sources(Settings.load(app, {})))
    assert findings(app) == []
