"""However many like at once, and whatever happens to those who count: when the queue is empty, no count is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import EmbeddedServer, connect, migrate, sources
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

CLIENTS = 1000
POSTS = 10
STORM = Path(__file__).with_name("like_storm.py")

DIAGNOSES = (
    """
    -- Check for duplicate ratings (race condition evidence)
    SELECT post_id, session_id, COUNT(*) as count
    FROM post_ratings
    GROUP BY post_id, session_id
    HAVING COUNT(*) > 1;
    """,
    """
    -- Check for like count drift (post.likes vs actual ratings)
    SELECT
      p.id,
      p.likes as stored_likes,
      COUNT(pr.id) as actual_ratings,
      p.likes - COUNT(pr.id) as drift
    FROM posts_new p
    LEFT JOIN post_ratings pr ON p.id = pr.post_id
    GROUP BY p.id, p.likes
    HAVING p.likes != COUNT(pr.id);
    """,
    """
    -- Check for orphaned data
    SELECT * FROM post_ratings WHERE post_id NOT IN (SELECT id FROM posts_new);
    """,
    "SELECT * FROM comments WHERE post_id NOT IN (SELECT id FROM posts_new);",
)


@pytest.fixture
def crowded_server(tmp_path: Path) -> Iterator[str]:
    """A server that takes a connection of each client."""
    server = EmbeddedServer(tmp_path / "server", durable=False)
    with server.running() as url, connect(url, autocommit=True) as admin:
        admin.execute(f"ALTER SYSTEM SET max_connections = {CLIENTS + 100}".encode())
    with server.running() as url:
        yield url


def environment(url: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"DATABASE_URL": url}


def start_worker(app: Path, url: str, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mesh_cli", "worker", "--type", "sync_like_count"]
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=app, env=environment(url), stdout=output, stderr=output)


def wait_until_counted(connection: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + 120
    left = "SELECT count(*) FROM background_jobs WHERE job_type = 'sync_like_count'"
    while connection.execute(left.encode()).fetchone() != (0,):
        assert time.monotonic() < deadline, "the queue is not drained"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_thousand_clients_at_once_leave_no_drift(crowded_server: str, rendered_app: Path, tmp_path: Path) -> None:
    with connect(crowded_server, autocommit=True) as connection:
        migrate(connection, sources(Settings.load(rendered_app, {"DATABASE_URL": crowded_server})))
        post = (
            "INSERT INTO realtime_posts (type, author_id, text) SELECT 'TEXT', 1, 'Like me' FROM generate_series(1, %s)"
        )
        connection.execute(post, [POSTS])
        doomed, other = (start_worker(rendered_app, crowded_server, tmp_path / "worker.log") for _ in range(2))
        try:
            storm = subprocess.Popen(
                [sys.executable, STORM, crowded_server, str(CLIENTS)],
                cwd=rendered_app,
                env=environment(crowded_server) | {"PYTHONPATH": str(rendered_app)},
                stdout=subprocess.PIPE,
                text=True,
            )
            liked = "SELECT EXISTS (SELECT FROM job_history WHERE job_type = 'sync_like_count')"
            while storm.poll() is None and connection.execute(liked.encode()).fetchone() == (False,):
                time.sleep(0.05)
            doomed.kill()
            output, _ = storm.communicate(timeout=200)
            wait_until_counted(connection)
        finally:
            for worker in (doomed, other):
                worker.kill()
                worker.wait()

        told = json.loads(output)
        assert told["errors"] == {}
        assert sum(told["committed"].values()) == 3 * CLIENTS + 2 * CLIENTS // 20 - CLIENTS // 100
        for diagnosis in DIAGNOSES:
            assert connection.execute(diagnosis.encode()).fetchall() == []
        assert connection.execute("SELECT count(*), min(likes) > 0 FROM realtime_posts").fetchone() == (POSTS, True)
        assert connection.execute("SELECT count(*) FROM mesh.dead_jobs").fetchone() == (0,)
        counted = connection.execute("SELECT count(*) < 1000 FROM job_history WHERE status = 'completed'").fetchone()
        assert counted == (True,), "many likes, few counts"
