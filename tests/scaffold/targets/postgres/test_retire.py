"""Retiring a value of an enum, on a real PostgreSQL: everything that may depend on a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from mesh_scaffold.targets.postgres.retire import NoEnumValueError, RetireError, retire_value_sql

if TYPE_CHECKING:
    from collections.abc import Sequence

Connection = psycopg.Connection[Any]

TABLES = """
CREATE TYPE kind AS ENUM ('TEXT', 'POLL', 'IMAGE');
CREATE TABLE posts (id integer PRIMARY KEY, type kind NOT NULL, question text);
INSERT INTO posts VALUES (1, 'TEXT'), (2, 'IMAGE');
"""


@pytest.fixture
def posts(connection: Connection) -> Connection:
    """A small table of posts, committed."""
    return run(connection, TABLES)


def run(connection: Connection, *statements: str) -> Connection:
    for statement in statements:
        connection.execute(statement.encode())
    connection.commit()
    return connection


def rows(connection: Connection, query: str) -> list[Any]:
    found = [row[0] if len(row) == 1 else row for row in connection.execute(query.encode()).fetchall()]
    connection.commit()
    return found


def retire(connection: Connection, value: str = "POLL") -> str:
    """Write the migration and run it; the type has the other values alone."""
    migration = retire_value_sql(connection, "kind", value)
    connection.commit()
    run(connection, migration.sql)
    assert value not in rows(connection, "SELECT unnest(enum_range(NULL::kind))::text")
    assert rows(connection, "SELECT count(*) FROM pg_type WHERE typname LIKE 'kind%' OR typname LIKE '_kind%'") == [2]
    return migration.sql


def problems(connection: Connection) -> list[str]:
    with pytest.raises(RetireError) as error:
        retire_value_sql(connection, "kind", "POLL")
    connection.rollback()
    assert error.value.exit_code == 1
    assert all(problem.remedy for problem in error.value.problems)
    return [problem.message for problem in error.value.problems]


def definitions(connection: Connection) -> Sequence[object]:
    """What the database says of every table, index, constraint, view, policy and trigger in public."""
    return rows(
        connection,
        """
        SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT concat(pg_get_indexdef(indexrelid), indisclustered, obj_description(indexrelid))
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', relname, relkind, reloptions, relispopulated, pg_get_userbyid(relowner),
            obj_description(oid, 'pg_class'),
            CASE WHEN relkind <> 'i' THEN coalesce(relacl, acldefault('r', relowner)) END)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_viewdef(oid) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
        UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
            pg_get_expr(adbin, adrelid), attacl, col_description(attrelid, attnum))
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT concat_ws(' ', pg_get_triggerdef(oid), tgenabled, obj_description(oid))
            FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT policies::text FROM pg_policies AS policies
        UNION ALL SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class > 16384
        UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
        UNION ALL SELECT concat_ws(' ', typname, pg_get_userbyid(typowner), obj_description(oid, 'pg_type'),
            coalesce(typacl, acldefault('T', typowner))) FROM pg_type WHERE typnamespace = 'public'::regnamespace
        ORDER BY 1
        """,
    )


def test_a_bare_column_keeps_its_rows_and_loses_the_value(posts: Connection) -> None:
    retire(posts)
    assert rows(posts, "SELECT type::text FROM posts ORDER BY id") == ["TEXT", "IMAGE"]
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        posts.execute("INSERT INTO posts VALUES (3, 'POLL')")


DEPENDENTS = {
    "a default": "ALTER TABLE posts ALTER COLUMN type SET DEFAULT 'TEXT'",
    "a default of another column": "ALTER TABLE posts ADD COLUMN was text DEFAULT 'IMAGE'::kind::text",
    "a partial index": "CREATE INDEX texts ON posts (id) WHERE type = 'TEXT'; COMMENT ON INDEX texts IS 'it''s'",
    "a unique index": "CREATE UNIQUE INDEX one ON posts (type, id)",
    "an index that marks the table": "CREATE INDEX texts ON posts ((type = 'TEXT'));ALTER TABLE posts CLUSTER ON texts",
    "an uncast check": "ALTER TABLE posts ADD CONSTRAINT c CHECK (type <> 'TEXT' OR question IS NULL)",
    "a check on text": "ALTER TABLE posts ADD CONSTRAINT c CHECK (type::text <> 'POLL' OR question IS NOT NULL)",
    "a check not valid": "ALTER TABLE posts ADD CONSTRAINT c CHECK (type IN ('TEXT', 'IMAGE')) NOT VALID;"
    "COMMENT ON CONSTRAINT c ON posts IS 'later'",
    "an exclusion": "ALTER TABLE posts ADD CONSTRAINT x EXCLUDE (id WITH =) WHERE (type = 'TEXT')",
    "a view": "CREATE VIEW v WITH (security_invoker = true) AS SELECT id, type FROM posts WHERE type = 'TEXT'",
    "a view that checks": "CREATE VIEW v AS SELECT * FROM posts WHERE id > 0 WITH LOCAL CHECK OPTION",
    "a view with a default": "CREATE VIEW v AS SELECT * FROM posts; ALTER VIEW v ALTER question SET DEFAULT 'why'",
    "views on views": "CREATE VIEW a AS SELECT * FROM posts; CREATE VIEW b AS SELECT question FROM a;"
    "CREATE VIEW c AS SELECT a.type, b.question FROM a, b;"
    "COMMENT ON VIEW b IS 'b'; COMMENT ON COLUMN b.question IS '?'",
    "a view made older than what it reads": "CREATE VIEW z AS SELECT id FROM posts WHERE type = 'TEXT';"
    "CREATE VIEW y AS SELECT * FROM z; CREATE OR REPLACE VIEW z AS SELECT id FROM posts WHERE type = 'IMAGE'",
    "a materialized view": "CREATE MATERIALIZED VIEW m AS SELECT type, count(*) FROM posts GROUP BY type;"
    "CREATE UNIQUE INDEX mi ON m (type); CREATE INDEX mt ON m (count) WHERE type = 'TEXT'",
    "an empty materialized view": "CREATE MATERIALIZED VIEW m AS SELECT type FROM posts WITH NO DATA",
    "a policy": "ALTER TABLE posts ENABLE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON posts AS RESTRICTIVE FOR UPDATE USING (type = 'TEXT') WITH CHECK (id > 0 AND type <> 'IMAGE');"
    "COMMENT ON POLICY p ON posts IS 'texts'",
    "a policy of another table": "CREATE TABLE notes (post integer);"
    "CREATE POLICY p ON notes USING (EXISTS (SELECT FROM posts WHERE id = post AND type = 'TEXT'))",
    "a policy that reads a view": "CREATE VIEW v AS SELECT * FROM posts; CREATE TABLE notes (post integer);"
    "CREATE POLICY p ON notes USING (EXISTS (SELECT FROM v WHERE id = post))",
    "an enum array": "CREATE TABLE feeds (types kind[] DEFAULT '{TEXT,IMAGE}' CHECK (types <> '{IMAGE}'));"
    "INSERT INTO feeds VALUES (NULL), ('{}'), ('{{TEXT},{IMAGE}}')",
    "a trigger with a condition": "CREATE TRIGGER t BEFORE UPDATE ON posts FOR EACH ROW WHEN (NEW.type = 'TEXT')"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TABLE posts DISABLE TRIGGER t",
    "a trigger of the column": "CREATE TRIGGER t BEFORE UPDATE OF type ON posts FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger(); COMMENT ON TRIGGER t ON posts IS 't'",
    "a rule": "CREATE TABLE log (type kind); CREATE RULE r AS ON DELETE TO posts WHERE OLD.type = 'TEXT'"
    " DO ALSO INSERT INTO log VALUES (OLD.type)",
    "a view that is written through": "CREATE VIEW v AS SELECT * FROM posts;"
    "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION pass();"
    "CREATE RULE r AS ON DELETE TO v DO INSTEAD NOTHING",
    "a function that looks at rows": "CREATE FUNCTION f(posts) RETURNS integer LANGUAGE sql AS 'SELECT $1.id';"
    "CREATE FUNCTION g() RETURNS SETOF posts LANGUAGE sql AS 'SELECT * FROM posts'",
    "a row as a whole": "CREATE VIEW v AS SELECT p, (p).type FROM posts AS p",
    "a recursive view": "CREATE RECURSIVE VIEW v (id, type) AS SELECT id, type FROM posts"
    " UNION SELECT id + 1, type FROM v WHERE id < 3",
    "a view across schemas": "CREATE SCHEMA web; CREATE VIEW web.v AS SELECT type FROM posts;"
    "CREATE MATERIALIZED VIEW m AS SELECT * FROM web.v; CREATE VIEW w AS SELECT * FROM m",
    "a key and its references": "ALTER TABLE posts ADD UNIQUE (id, type);"
    "CREATE TABLE details (id integer, type kind, FOREIGN KEY (id, type) REFERENCES posts (id, type));"
    "INSERT INTO details VALUES (1, 'TEXT')",
    "a generated column that is referred to": "ALTER TABLE posts ADD COLUMN code text GENERATED ALWAYS AS"
    " (CASE type WHEN 'TEXT' THEN 't' ELSE 'i' END || id) STORED UNIQUE;"
    "CREATE TABLE details (code text REFERENCES posts (code)); INSERT INTO details VALUES ('t1')",
    "a table of its own ways": "ALTER TABLE posts ENABLE ROW LEVEL SECURITY;"
    "ALTER TABLE posts FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY p ON posts USING (true); ALTER TABLE posts REPLICA IDENTITY FULL",
    "statistics": "CREATE STATISTICS s ON id, (type = 'TEXT') FROM posts; COMMENT ON STATISTICS s IS 's'",
    "a foreign key on the type": "CREATE TABLE types (type kind PRIMARY KEY);"
    "INSERT INTO types VALUES ('TEXT'), ('IMAGE');"
    "ALTER TABLE posts ADD CONSTRAINT f FOREIGN KEY (type) REFERENCES types",
    "a generated column": "ALTER TABLE posts ADD COLUMN is_text boolean"
    " GENERATED ALWAYS AS (type = 'TEXT') STORED NOT NULL;"
    "CREATE INDEX gi ON posts (is_text); CREATE VIEW gv AS SELECT is_text FROM posts;"
    "COMMENT ON COLUMN posts.is_text IS 'g'; ALTER TABLE posts ADD CONSTRAINT gc CHECK (is_text OR id > 0)",
    "a generated column of the type": "ALTER TABLE posts ADD COLUMN again kind GENERATED ALWAYS AS (type) STORED",
    "partitions": "CREATE TABLE p (at integer, type kind DEFAULT 'TEXT', CHECK (type <> 'IMAGE'))"
    " PARTITION BY RANGE (at);"
    "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9); ALTER TABLE p1 ALTER COLUMN type SET DEFAULT 'IMAGE';"
    "CREATE INDEX pi ON p (at) WHERE type = 'TEXT'; INSERT INTO p VALUES (1, 'TEXT')",
    "inheritance": "CREATE TABLE old_posts () INHERITS (posts)",
    "rights": "CREATE VIEW v AS SELECT * FROM posts;"
    "GRANT SELECT ON v TO PUBLIC; GRANT UPDATE (question) ON v TO PUBLIC;"
    "REVOKE ALL ON TYPE kind FROM PUBLIC; COMMENT ON TYPE kind IS 'what a post is'",
    "names to quote": 'CREATE SCHEMA "my archive";'
    'CREATE TABLE "my archive"."Posts %s" ("the type" kind DEFAULT \'TEXT\');'
    'CREATE INDEX "an i" ON "my archive"."Posts %s" ("the type") WHERE "the type" <> \'IMAGE\'',
}


@pytest.mark.parametrize("what", DEPENDENTS)
def test_comes_back_as_it_was(posts: Connection, what: str) -> None:
    run(posts, DEPENDENTS[what])
    before = definitions(posts)
    retire(posts)
    assert definitions(posts) == before
    run(posts, "INSERT INTO posts VALUES (4, 'IMAGE', 'x')")


def test_rights_that_default_privileges_give_to_new_objects_are_taken_back(posts: Connection) -> None:
    name = rows(posts, "SELECT 'mesh_reader_' || substr(md5(current_database()), 1, 12)")[0]
    run(posts, f"CREATE ROLE {name}; CREATE ROLE {name}_owner")
    try:
        run(
            posts,
            f"CREATE VIEW v AS SELECT * FROM posts; GRANT CREATE ON SCHEMA public TO {name}_owner;"
            f"ALTER VIEW v OWNER TO {name}_owner; ALTER TYPE kind OWNER TO {name}_owner",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO {name}",
        )
        before = definitions(posts)
        retire(posts)
        assert definitions(posts) == before
        assert rows(posts, f"SELECT has_table_privilege('{name}', 'v', 'SELECT')") == [False]
    finally:
        posts.rollback()
        run(posts, f"DROP OWNED BY {name}, {name}_owner CASCADE; DROP ROLE {name}, {name}_owner")


IMPOSSIBLE = {
    "function f(kind)": "CREATE FUNCTION f(a kind) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "function f()": "CREATE FUNCTION f() RETURNS SETOF kind LANGUAGE sql AS $$ SELECT 'TEXT'::kind $$",
    "function g()": "CREATE VIEW v AS SELECT * FROM posts;"
    "CREATE FUNCTION g() RETURNS SETOF v LANGUAGE sql AS 'SELECT * FROM v'",
    "function h()": "CREATE FUNCTION h() RETURNS bigint BEGIN ATOMIC; SELECT count(type) FROM posts; END",
    "column a of composite type pair": "CREATE TYPE pair AS (a kind)",
    "type picked": "CREATE DOMAIN picked AS kind",
    "column post of table quotes": "CREATE TABLE quotes (post posts)",
    "the partition key of table": "CREATE TABLE l (type kind) PARTITION BY LIST (type)",
    "publication of table posts": "CREATE PUBLICATION pub FOR TABLE posts (id, type)",
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_be_recreated_is_named_and_nothing_is_written(posts: Connection, what: str) -> None:
    run(posts, IMPOSSIBLE[what])
    found = problems(posts)
    said = [problem.replace("public.", "") for problem in found]
    assert any(problem.startswith(what) and "cannot be recreated" in problem for problem in said), found


USES = {
    "rows of a table": ("INSERT INTO posts VALUES (3, 'POLL')", "1 row of public.posts has 'POLL' in column type"),
    "rows of an archive": (
        "CREATE TABLE archive (was kind); INSERT INTO archive VALUES ('POLL'), ('POLL')",
        "2 rows of public.archive have 'POLL' in column was",
    ),
    "rows of a partition": (
        "CREATE TABLE p (at integer, type kind) PARTITION BY RANGE (at); INSERT INTO posts VALUES (9, 'TEXT');"
        "CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1, 'POLL')",
        "1 row of public.p has 'POLL' in column type",
    ),
    "an array": (
        "CREATE TABLE feeds (types kind[]); INSERT INTO feeds VALUES ('{TEXT,POLL}')",
        "1 row of public.feeds has 'POLL' in column types",
    ),
}


@pytest.mark.parametrize("what", USES)
def test_rows_that_use_the_value_are_counted(posts: Connection, what: str) -> None:
    statements, message = USES[what]
    run(posts, statements)
    assert problems(posts) == [message]


@pytest.mark.parametrize("what", USES)
def test_the_migration_refuses_rows_that_came_later(posts: Connection, what: str) -> None:
    tables, _, _ = USES[what][0].rpartition("; INSERT")
    run(posts, tables or "SELECT 1")
    migration = retire_value_sql(posts, "kind", "POLL").sql
    posts.commit()
    insert = USES[what][0].removeprefix(tables).removeprefix("; ")
    run(posts, insert)
    with pytest.raises(psycopg.errors.RaiseException, match="still have POLL"):
        run(posts, migration)
    posts.rollback()
    assert "POLL" in rows(posts, "SELECT unnest(enum_range(NULL::kind))::text")


def test_a_dependent_that_the_file_does_not_know_stops_it(posts: Connection) -> None:
    migration = retire_value_sql(posts, "kind", "POLL").sql
    posts.commit()
    run(posts, "CREATE FUNCTION f(a kind) RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    with pytest.raises(psycopg.errors.DependentObjectsStillExist):
        run(posts, migration)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("ALTER TABLE posts ADD CONSTRAINT c CHECK (type <> 'POLL' OR question IS NOT NULL)", "'POLL'::text"),
        ("ALTER TABLE posts ADD CONSTRAINT c CHECK (type IN ('TEXT', 'POLL', 'IMAGE'))", "'IMAGE'::public.kind])"),
        ("CREATE VIEW v AS SELECT * FROM posts WHERE type = 'POLL'", "(type)::text = 'POLL'::text"),
        ("CREATE POLICY p ON posts USING (posts.type <> 'POLL' OR id = 1)", "(type)::text <> 'POLL'::text"),
    ],
)
def test_a_condition_on_the_value_comes_back_as_one_on_text(posts: Connection, made: str, said: str) -> None:
    run(posts, made)
    assert said in retire(posts)
    run(posts, "INSERT INTO posts VALUES (5, 'TEXT')")


def test_an_index_of_the_value_alone_goes_for_good(posts: Connection) -> None:
    run(posts, "CREATE INDEX polls ON posts (question) WHERE type = 'POLL' AND question IS NOT NULL")
    notices = retire_value_sql(posts, "kind", "POLL").notices
    assert notices == ("index public.polls is dropped for good: it holds POLL alone",)
    retire(posts)
    assert rows(posts, "SELECT to_regclass('polls')") == [None]


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("ALTER TABLE posts ALTER COLUMN type SET DEFAULT 'POLL'", "default of column type of table public.posts"),
        ("CREATE INDEX i ON posts (id) WHERE type <> 'POLL'", "index public.i"),
        ("CREATE TABLE feeds (types kind[] DEFAULT '{TEXT,POLL}')", "default of column types of table public.feeds"),
        (
            "ALTER TABLE posts ADD COLUMN poll boolean GENERATED ALWAYS AS (type = 'POLL') STORED",
            "generated column poll of table public.posts",
        ),
        ("CREATE VIEW v AS SELECT 'POLL'::kind AS type", "view public.v"),
    ],
)
def test_what_cannot_do_without_the_value_is_named(posts: Connection, made: str, named: str) -> None:
    run(posts, made)
    assert problems(posts) == [f"{named} names the value 'POLL', which it cannot when the value is gone"]


def test_every_problem_is_named_at_once(posts: Connection) -> None:
    run(posts, "INSERT INTO posts VALUES (3, 'POLL')", IMPOSSIBLE["function f(kind)"], IMPOSSIBLE["type picked"])
    assert len(problems(posts)) == 3


def test_an_enum_or_value_that_is_not_there_is_an_error(posts: Connection) -> None:
    with pytest.raises(NoEnumValueError, match=r"no enum 'moods'\n  Apply the migrations"):
        retire_value_sql(posts, "moods", "POLL")
    with pytest.raises(NoEnumValueError, match=r"'kind' has no value 'NOTE'\n  It has TEXT, POLL, IMAGE"):
        retire_value_sql(posts, "kind", "NOTE")


def test_values_with_quotes_and_dollars_are_literals(posts: Connection) -> None:
    odd = "it's $mesh$ \\ 100% 🗳"
    run(posts, f"ALTER TYPE kind ADD VALUE '{odd.replace(chr(39), chr(39) * 2)}'")
    retire(posts, odd)


def test_writing_the_migration_changes_nothing(posts: Connection) -> None:
    before = definitions(posts)
    path = rows(posts, "SHOW search_path")
    retire_value_sql(posts, "kind", "POLL")
    assert rows(posts, "SHOW search_path") == path
    assert definitions(posts) == before
