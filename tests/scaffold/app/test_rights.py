"""On a host that grants everything in `public` to the roles of its web API, the app's objects stay closed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from mesh_runtime.database import connect, migrate, sources
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENTS = ("anon", "authenticated")
GENEROUS = """
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated;
    GRANT USAGE ON SCHEMA public TO anon, authenticated;
"""


FORBIDDEN = (
    "SELECT FROM users",
    "SELECT FROM posts_new",
    "SELECT FROM realtime_posts",
    "SELECT FROM comments",
    "INSERT INTO post_ratings (post_id, session_id) VALUES (gen_random_uuid(), 'a')",
    "TRUNCATE realtime_posts CASCADE",
    "SELECT nextval('users_id_seq')",
    "SELECT sync_post_like_count(gen_random_uuid())",
)


@pytest.fixture
def host(
    connection: psycopg.Connection[Any], database_url: str, rendered_app: Path
) -> Iterator[psycopg.Connection[Any]]:
    """A database whose host has such roles, with the app's migrations."""
    for role in CLIENTS:
        connection.execute(f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    connection.execute(GENEROUS)
    connection.commit()
    with connect(database_url) as migrating:
        migrate(migrating, sources(Settings.load(rendered_app, {"DATABASE_URL": database_url})))
    yield connection
    connection.rollback()


def attempt(host: psycopg.Connection[Any], role: str, statement: str) -> None:
    with host.transaction():
        host.execute(f"SET LOCAL ROLE {role}")
        host.execute(statement.encode())


def test_clients_of_the_web_api_may_do_nothing(host: psycopg.Connection[Any]) -> None:
    for role in CLIENTS:
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attempt(host, role, statement)


def test_a_role_that_may_like_needs_no_right_on_the_posts(host: psycopg.Connection[Any]) -> None:
    host.execute("INSERT INTO realtime_posts (type, author_id, text) VALUES ('TEXT', 1, 'Like me')")
    host.execute("GRANT INSERT, SELECT ON post_ratings TO authenticated")
    [post] = host.execute("SELECT id FROM realtime_posts").fetchone() or [None]

    host.execute("SET ROLE authenticated")
    host.execute("INSERT INTO post_ratings (post_id, session_id) VALUES (%s, 'a')", [post])
    host.execute("RESET ROLE")

    assert host.execute("SELECT likes FROM realtime_posts").fetchall() == [(1,)]
