from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from mesh_runtime.database import connect, migrate, runtime_source

if TYPE_CHECKING:
    from collections.abc import Iterator

# As Supabase makes them: whatever comes to be in public is everybody's, unless it is taken away.
ROLES = """
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
"""
DEFAULTS = """
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
"""

CALLS = (
    "SELECT claim_next_job('x')",
    "SELECT complete_job(gen_random_uuid(), NULL, 1)",
    "SELECT fail_job(gen_random_uuid(), 'x', 1)",
    "SELECT heartbeat_job(gen_random_uuid(), 1)",
    "SELECT mesh.enqueue('process_image')",
    "SELECT mesh.enqueue_usual('process_image', '{}', 0, NULL)",
    "SELECT mesh.enqueue_batch('[]')",
    "SELECT mesh.tick()",
    "SELECT mesh.take_batch(1, '{}')",
    "SELECT * FROM background_jobs",
    "INSERT INTO background_jobs (job_type) VALUES ('process_image')",
    "SELECT * FROM job_history",
    "SELECT * FROM mesh.jobs",
    "INSERT INTO mesh.jobs (job_type) VALUES ('process_image')",
    "TRUNCATE mesh.jobs",
    "TRUNCATE mesh.history",
    "TRUNCATE mesh.dead_jobs",
)


@pytest.fixture(scope="module")
def supabase(mesh_server: str) -> Iterator[str]:
    """A database that was migrated where Supabase's roles and default privileges are."""
    name = f"mesh_test_{uuid4().hex}"
    with connect(mesh_server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        admin.execute(ROLES)
        url = urlsplit(mesh_server)._replace(path=f"/{name}").geturl()
        try:
            with connect(url, autocommit=True) as connection:
                connection.execute(DEFAULTS)
                migrate(connection, (runtime_source(),))
            yield url
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            admin.execute("DROP ROLE anon, authenticated, service_role")


@contextmanager
def role(url: str, name: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(connect(url, autocommit=True)) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(name)))
        yield connection


@pytest.mark.parametrize("client", ["anon", "authenticated"])
@pytest.mark.parametrize("call", CALLS)
def test_clients_can_neither_call_nor_read_nor_truncate(supabase: str, client: str, call: str) -> None:
    with role(supabase, client) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(call.encode())


def test_the_service_role_runs_jobs_over_rpc(supabase: str) -> None:
    with role(supabase, "service_role") as connection:
        connection.execute("INSERT INTO background_jobs (job_type, idempotency_key) VALUES ('process_image', 'k')")
        connection.execute('SELECT mesh.enqueue_batch(\'[{"job_type": "process_image", "unique_key": "k"}]\')')
        found = connection.execute("SELECT id, lease_token FROM claim_next_job('f')").fetchone()
        assert connection.execute("SELECT status FROM background_jobs").fetchall() == [("processing",)]
        connection.execute("SELECT heartbeat_job(%s, %s)", found)
        connection.execute("SELECT complete_job(%s, NULL, %s)", found)
        assert connection.execute("SELECT status FROM job_history").fetchall() == [("completed",)]


def test_the_service_role_changes_no_table_directly(supabase: str) -> None:
    with role(supabase, "service_role") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("TRUNCATE mesh.jobs")


def test_a_trigger_of_the_host_enqueues_for_an_ordinary_client(supabase: str) -> None:
    with connect(supabase, autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE ratings (id int); GRANT INSERT ON ratings TO authenticated;"
            "CREATE FUNCTION queue_sync() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''"
            " AS $$ BEGIN PERFORM mesh.enqueue('sync_like_count'); RETURN NULL; END $$;"
            "CREATE TRIGGER sync AFTER INSERT ON ratings FOR EACH STATEMENT EXECUTE FUNCTION queue_sync()"
        )
        with role(supabase, "authenticated") as client:
            client.execute("INSERT INTO ratings VALUES (1)")
        assert owner.execute("SELECT count(*) FROM mesh.jobs WHERE job_type = 'sync_like_count'").fetchone() == (1,)
