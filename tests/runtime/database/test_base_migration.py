"""What the runtime's migrations promise as a whole."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import connect, migrate, runtime_source

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]


def test_every_migration_of_the_runtime_is_applied(connection: Connection) -> None:
    names = [row[0] for row in connection.execute("SELECT name FROM mesh.migrations WHERE source = 'runtime'")]
    assert names == [migration.name for migration in runtime_source().migrations()]


@pytest.mark.parametrize("function", ["mesh.uuidv7", "mesh.uuidv7_before_18"])
def test_uuidv7_is_of_version_7_and_sorts_by_time(connection: Connection, function: str) -> None:
    found = []
    for _ in range(50):
        (value,) = connection.execute(f"SELECT {function}() FROM pg_sleep(0.0003)").fetchone() or (None,)
        assert value is not None
        assert value.version == 7
        assert value.variant == "specified in RFC 4122"
        found.append(value)
    assert all(before < after for before, after in pairwise(found))
    (now,) = connection.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000").fetchone() or (0,)
    assert abs(int(now) - (found[-1].int >> 80)) < 5_000


def test_uuidv7_needs_no_right_on_the_schema_at_any_version_of_the_server(connection: Connection) -> None:
    bound = "SELECT prosqlbody IS NOT NULL FROM pg_proc WHERE oid = 'mesh.uuidv7()'::regprocedure"
    assert connection.execute(bound).fetchone() == (True,), "a name in a text is looked up as the caller"
    connection.execute("CREATE TABLE host (id uuid DEFAULT mesh.uuidv7(), n integer)")
    connection.execute("CREATE ROLE mesh_test_client; GRANT INSERT ON host TO mesh_test_client")
    connection.execute("SET LOCAL ROLE mesh_test_client")
    connection.execute("INSERT INTO host (n) VALUES (1)")
    connection.rollback()


def test_uuidv7_does_not_repeat_itself(connection: Connection) -> None:
    for function in ("mesh.uuidv7", "mesh.uuidv7_before_18"):
        query = f"SELECT count(DISTINCT {function}()) FROM generate_series(1, 20000)"
        assert connection.execute(query).fetchone() == (20_000,)


def test_clients_of_postgrest_get_no_right_in_the_schema_even_by_default(empty_url: str) -> None:
    with connect(empty_url) as connection:
        for role in ("anon", "authenticated"):
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
            # As Supabase does: whatever is made is theirs.
            for kind in ("SCHEMAS", "TABLES", "SEQUENCES", "ROUTINES"):
                connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO {role}")
        connection.commit()
        migrate(connection, [runtime_source()])
        open_to_clients = connection.execute(
            """
            SELECT role, object FROM (VALUES ('anon'), ('authenticated')) AS roles (role), LATERAL (
                SELECT oid::regclass::text FROM pg_class
                 WHERE relnamespace = 'mesh'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
                   AND has_table_privilege(role, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                UNION ALL
                SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'mesh'::regnamespace AND relkind = 'S'
                   AND has_sequence_privilege(role, oid, 'USAGE, SELECT, UPDATE')
                UNION ALL
                SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'mesh'::regnamespace
                   AND proname NOT LIKE 'uuidv7%' AND has_function_privilege(role, oid, 'EXECUTE')
                UNION ALL
                SELECT 'schema mesh' WHERE has_schema_privilege(role, 'mesh', 'USAGE, CREATE')
            ) AS objects (object)
            """
        ).fetchall()
    assert open_to_clients == []
