"""Of migrations, only what is in force counts."""

from __future__ import annotations

import pytest

from mesh_scaffold.enumerations.judge import judge
from mesh_scaffold.enumerations.scan import find
from mesh_scaffold.enumerations.vocabulary import Vocabulary

TYPES = ("text", "image", "product_review", "poll")
OLD = "('TEXT', 'IMAGE', 'PRODUCT_REVIEW')"
ALL = "('TEXT', 'IMAGE', 'PRODUCT_REVIEW', 'POLL')"


def found(*migrations: str) -> list[str]:
    files = [(f"sql/migrations/{number}.sql", text.encode()) for number, text in enumerate(migrations, start=1)]
    found = find(files, Vocabulary(TYPES), "sql/migrations")
    return [str(gap.problem.place) for gap in judge(found.enumerations, TYPES, lines=found.lines).gaps]


DEFINITIONS = {
    "a view": (
        "CREATE VIEW app.v AS SELECT 1 WHERE type IN {}",
        "CREATE OR REPLACE VIEW v AS SELECT 1 WHERE type IN {}",
    ),
    "a dropped view": ("CREATE VIEW v AS SELECT 1 WHERE type IN {}", "DROP VIEW IF EXISTS v CASCADE"),
    "a function": (
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN x IN {}; END $$",
        "CREATE OR REPLACE FUNCTION public.f() RETURNS int AS $x$ SELECT 1; SELECT x IN {}; $x$",
    ),
    "a constraint": (
        "ALTER TABLE posts ADD CONSTRAINT c CHECK (type IN {})",
        "ALTER TABLE posts DROP CONSTRAINT IF EXISTS c, ADD CONSTRAINT c CHECK (type IN {})",
    ),
    "a constraint of a table": (
        "CREATE TABLE posts (id int, type text, CONSTRAINT c CHECK (type IN {}), CONSTRAINT d CHECK (id > 1))",
        "ALTER TABLE public.posts DROP CONSTRAINT c",
    ),
    "a check without a name": (
        "CREATE TABLE posts (id int, type text CHECK (type IN {}))",
        "ALTER TABLE posts DROP CONSTRAINT posts_type_check",
    ),
    "a constraint of a dropped table": (
        "CREATE TABLE posts (type text, CONSTRAINT c CHECK (type IN {}))",
        "DROP TABLE posts",
    ),
    "a policy": (
        "CREATE POLICY p ON posts USING (type IN {})",
        "DROP POLICY p ON posts; CREATE POLICY p ON posts USING (type IN {})",
    ),
    "an enum": ("CREATE TYPE kind AS ENUM {}", "ALTER TYPE kind ADD VALUE IF NOT EXISTS 'POLL' AFTER 'TEXT'"),
    "an index": ("CREATE INDEX i ON posts (id) WHERE type IN {}", "DROP INDEX i"),
}


@pytest.mark.parametrize(("first", "later"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_definition_counts_until_a_later_migration_replaces_or_drops_it(first: str, later: str) -> None:
    first, same, whole = f"\n{first.format(OLD)};", later.format(OLD), later.format(ALL)
    assert found(first) == ["sql/migrations/1.sql:2"]
    assert found(first, whole) == []
    if "POLL" in whole and "{}" in later:
        assert found(first, same) == ["sql/migrations/2.sql:1"]
    other = later.replace(" v ", " w ").replace("f()", "g()").replace(" c", " b").replace(" p ", " q ")
    other = other.replace("kind", "other").replace(" i", " j").replace("TABLE posts", "TABLE b").replace(" v", " w")
    assert "sql/migrations/1.sql:2" in found(first, other.format(ALL))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posts SET likes = 0 WHERE type IN {}",
        "DELETE FROM posts WHERE type NOT IN {}",
        "INSERT INTO types VALUES ('TEXT', 1), ('IMAGE', 2), ('PRODUCT_REVIEW', 3)",
        "DO $$ BEGIN PERFORM 1 WHERE 'TEXT' IN {}; END $$",
    ],
)
def test_what_ran_once_is_history(statement: str) -> None:
    assert found(statement.format(OLD)) == []


def test_migrations_in_other_folders_count_the_same_and_code_in_them_not_at_all() -> None:
    files = [
        ("db/migrations/2/up.sql", b"CREATE OR REPLACE VIEW v AS SELECT 1 WHERE type IN " + ALL.encode()),
        ("db/migrations/1/up.sql", b"CREATE VIEW v AS SELECT 1 WHERE type IN " + OLD.encode()),
        ("alembic/versions/1.py", b"X = " + OLD.encode()),
    ]
    enumerations = find(files, Vocabulary(TYPES), "sql/migrations").enumerations
    assert [each.path for each in enumerations] == ["db/migrations/2/up.sql"]


def test_the_remedy_of_a_migration_is_a_new_one() -> None:
    files = [("sql/migrations/1.sql", b"CREATE VIEW v AS SELECT 1 WHERE type IN " + OLD.encode())]
    enumerations = find(files, Vocabulary(TYPES), "sql/migrations").enumerations
    assert str(judge(enumerations, TYPES).gaps[0].problem) == (
        "sql/migrations/1.sql:1: poll: missing: in v (IN), which has 3 of 4 types\n"
        "  Where it was applied, write a new migration that gives v POLL; else add it, or say that it is meant: a "
        "comment `mesh: subset` there, or [[check.enumerations]] in mesh.toml."
    )
