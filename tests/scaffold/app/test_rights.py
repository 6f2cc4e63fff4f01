"""On a host that grants everything in `public` to the roles of its web API, the app's objects stay closed to them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from mesh_runtime.database import connect, migrate, sources
from mesh_runtime.settings import Settings
from mesh_runtime.testing import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

CLIENTS = ("anon", "authenticated")
ROLES = (*CLIENTS, "service_role")
# As Supabase makes them: whatever comes to be in public is everybody's, unless it is taken away.
GENEROUS = """
    GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
"""

FORBIDDEN = (
    "SELECT FROM users",
    "SELECT FROM posts_new",
    "SELECT FROM realtime_posts",
    "SELECT FROM comments",
    "SELECT FROM notifications",
    "SELECT FROM images",
    "SELECT FROM post_rankings",
    "INSERT INTO post_ratings (post_id, session_id) VALUES (gen_random_uuid(), 'a')",
    "TRUNCATE realtime_posts CASCADE",
    "TRUNCATE post_ratings",
    "TRUNCATE notifications",
    "TRUNCATE mesh.jobs",
    "SELECT nextval('users_id_seq')",
    "SELECT sync_post_like_count(gen_random_uuid())",
    "SELECT mesh.enqueue('sync_like_count')",
    "SELECT claim_next_job('a')",
    "SELECT complete_job(gen_random_uuid(), NULL, 1)",
    "SELECT fail_job(gen_random_uuid(), 'a', 1)",
    "SELECT FROM background_jobs",
    "INSERT INTO background_jobs (job_type) VALUES ('sync_like_count')",
    "SELECT FROM job_history",
)


@pytest.fixture
def host(mesh_server: str, rendered_app: Path) -> Iterator[psycopg.Connection[Any]]:
    """A database whose host has such roles, with all migrations."""
    with connect(mesh_server, autocommit=True) as admin:
        # Roles are the server's: another test may have made one, and hold it with a database of its own.
        known = {row[0] for row in admin.execute("SELECT rolname FROM pg_roles")}
        made = [role for role in ROLES if role not in known]
        for role in made:
            admin.execute(f"CREATE ROLE {role} NOLOGIN{' BYPASSRLS' * (role == 'service_role')}".encode())
        try:
            with fresh_database(mesh_server) as url, connect(url, autocommit=True) as connection:
                connection.execute(GENEROUS)
                migrate(connection, sources(Settings.load(rendered_app, {"DATABASE_URL": url})))
                yield connection
        finally:
            for role in made:
                admin.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def post(host: psycopg.Connection[Any]) -> UUID:
    insert = "INSERT INTO realtime_posts (type, author_id, text) VALUES ('TEXT', 1, 'Like me') RETURNING id"
    return (host.execute(insert).fetchone() or [None])[0]


@contextmanager
def acting_as(host: psycopg.Connection[Any], role: str) -> Iterator[None]:
    with host.transaction():
        host.execute(f"SET LOCAL ROLE {role}".encode())
        yield


def test_clients_of_the_web_api_may_do_nothing(host: psycopg.Connection[Any]) -> None:
    for role in CLIENTS:
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), acting_as(host, role):
                host.execute(statement.encode())


def test_a_like_of_a_client_becomes_a_job_that_a_service_runs(host: psycopg.Connection[Any], post: UUID) -> None:
    host.execute("GRANT INSERT, SELECT, DELETE ON post_ratings TO authenticated")

    with acting_as(host, "authenticated"):  # no right on the posts, nor on the queue
        host.execute("INSERT INTO post_ratings (post_id, session_id) VALUES (%s, 'a'), (%s, 'b')", [post, post])
        host.execute("DELETE FROM post_ratings WHERE session_id = 'b'")

    with acting_as(host, "service_role"):
        waiting = host.execute("SELECT job_type, payload ->> 'post_id', status FROM background_jobs").fetchall()
    assert waiting == [("sync_like_count", str(post), "scheduled")]

    host.execute("SELECT mesh.retry_jobs(ARRAY(SELECT id FROM mesh.jobs))")  # instead of two seconds
    with acting_as(host, "service_role"):
        claim = "SELECT id, payload ->> 'post_id', lease_token FROM claim_next_job('edge', ARRAY['sync_like_count'])"
        job, target, token = host.execute(claim).fetchone() or (None, None, None)
        likes = host.execute("SELECT sync_post_like_count(%s::uuid)", [target]).fetchone()
        complete = "SELECT complete_job(job_id => %s, job_result => '{\"syncedCount\": 1}', lease_token => %s)"
        host.execute(complete, [job, token])
        ended = host.execute("SELECT status, result FROM job_history").fetchall()
    assert likes == (1,)
    assert ended == [("completed", {"syncedCount": 1})]
    assert host.execute("SELECT likes FROM realtime_posts").fetchall() == [(1,)]


def test_a_client_cannot_like_twice_nor_for_a_post_that_is_not_there(host: psycopg.Connection[Any], post: UUID) -> None:
    host.execute("GRANT INSERT ON post_ratings TO authenticated")
    like = "INSERT INTO post_ratings (post_id, session_id) VALUES (%s, 'a')"
    with acting_as(host, "authenticated"):
        host.execute(like, [post])

    with pytest.raises(psycopg.errors.UniqueViolation), acting_as(host, "authenticated"):
        host.execute(like, [post])
    with pytest.raises(psycopg.errors.ForeignKeyViolation), acting_as(host, "authenticated"):
        host.execute("INSERT INTO post_ratings (post_id, session_id) VALUES (gen_random_uuid(), 'a')")

    assert host.execute("SELECT count(*) FROM mesh.jobs").fetchone() == (1,)
