from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def test_the_runtimes_migrations_are_in_the_ledger(connection: psycopg.Connection[Any]) -> None:
    names = [row[0] for row in connection.execute("SELECT name FROM mesh.migrations WHERE source = 'runtime'")]
    assert "0001_base.sql" in names


def test_uuidv7_sorts_by_time_on_every_version(connection: psycopg.Connection[Any]) -> None:
    for function in ("mesh.uuidv7", "mesh.uuidv7_before_18"):
        rows = connection.execute(f"SELECT {function}() FROM generate_series(1, 500)").fetchall()
        assert all(row[0].version == 7 and row[0].variant == "specified in RFC 4122" for row in rows)
