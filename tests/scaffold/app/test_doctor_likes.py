"""`mesh doctor likes` finds what the diagnostic queries find, but not what is about to be counted, and repairs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from mesh_runtime.database import connect, migrate, sources
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg


class Doctor(Protocol):
    """Runs `mesh doctor likes`; returns its exit code and what it says."""

    def __call__(self, *arguments: str) -> tuple[int, str]: ...


@pytest.fixture
def doctor(database_url: str, rendered_app: Path) -> Doctor:
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "mesh_cli", "doctor", "likes", "--project", str(rendered_app), *arguments]
        environment = os.environ | {"DATABASE_URL": database_url}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def host(connection: psycopg.Connection[Any], database_url: str, rendered_app: Path) -> psycopg.Connection[Any]:
    """A connection to the database of an app with a post that two like, all of which is counted."""
    with connect(database_url) as migrating:
        migrate(migrating, sources(Settings.load(rendered_app, {"DATABASE_URL": database_url})))
    connection.autocommit = True
    connection.execute("INSERT INTO realtime_posts (type, author_id, text) VALUES ('TEXT', 1, 'Like me')")
    connection.execute(
        "INSERT INTO post_ratings (post_id, session_id) SELECT id, s FROM posts_new, unnest('{a,b}'::text[]) s"
    )
    connection.execute("SELECT sync_post_like_count(id) FROM posts_new")
    connection.execute("DELETE FROM mesh.jobs")
    return connection


def break_everything(host: psycopg.Connection[Any]) -> None:
    """What a database without the constraints could hold."""
    host.execute("SET session_replication_role = replica")  # no triggers, and so no foreign keys
    host.execute("ALTER TABLE post_ratings DROP CONSTRAINT post_ratings_post_id_session_id_key")
    host.execute("INSERT INTO post_ratings (post_id, session_id) SELECT id, 'a' FROM posts_new")
    host.execute("INSERT INTO post_ratings (post_id, session_id) VALUES (gen_random_uuid(), 'a')")
    host.execute("INSERT INTO comments (post_id, author_id, text) VALUES (gen_random_uuid(), 1, 'Lost')")
    host.execute("UPDATE realtime_posts SET likes = 7")
    host.execute("RESET session_replication_role")


@pytest.mark.usefixtures("host")
def test_where_all_is_counted_nothing_is_found(doctor: Doctor) -> None:
    assert doctor() == (0, "0 findings\n")
    assert json.loads(doctor("--json")[1]) == {"findings": [], "waiting": 0, "fixed": False}


def test_what_is_about_to_be_counted_is_no_drift(host: psycopg.Connection[Any], doctor: Doctor) -> None:
    host.execute("DELETE FROM post_ratings WHERE session_id = 'a'")

    assert doctor() == (0, "1 post is about to be counted\n0 findings\n")


def test_jobs_that_nobody_runs_are_a_finding(host: psycopg.Connection[Any], doctor: Doctor) -> None:
    host.execute("DELETE FROM post_ratings WHERE session_id = 'a'")
    host.execute("UPDATE mesh.jobs SET run_at = now() - interval '2 minutes'")

    code, said = doctor()

    assert code == 1
    assert "1 post waits to be counted, the first for 12" in said
    assert "Run a worker" in said


def test_every_fault_is_found_and_repaired(host: psycopg.Connection[Any], doctor: Doctor) -> None:
    break_everything(host)

    code, said = doctor("--json")
    found = json.loads(said)["findings"]
    assert code == 1
    assert [each["check"] for each in found] == ["duplicate_ratings", "orphaned_ratings", "orphaned_comments", "drift"]
    assert (found[3]["facts"]["stored"], found[3]["facts"]["ratings"]) == (7, 3)
    assert "says 7 likes, and has 3 ratings" in doctor()[1]

    code, said = doctor("--fix")
    assert (code, "add --yes" in said) == (2, True), "what cannot be undone is asked about"
    assert host.execute("SELECT count(*) FROM comments").fetchone() == (1,)

    assert doctor("--fix", "--yes")[0] == 0
    assert doctor() == (0, "0 findings\n")
    assert host.execute("SELECT likes FROM posts_new").fetchall() == [(2,)]
    assert host.execute("SELECT (SELECT count(*) FROM comments), (SELECT count(*) FROM post_ratings)").fetchone() == (
        0,
        2,
    )


def test_drift_alone_is_repaired_without_asking(host: psycopg.Connection[Any], doctor: Doctor) -> None:
    host.execute("UPDATE realtime_posts SET likes = 0")

    code, said = doctor("--fix")

    assert (code, said.endswith("1 finding, repaired\n")) == (0, True)
    assert host.execute("SELECT likes FROM posts_new").fetchall() == [(2,)]


def test_a_database_without_likes_is_said_to_be_so(doctor: Doctor) -> None:
    code, said = doctor()

    assert code == 2
    assert "the database has no table posts_new, post_ratings, comments" in said
