"""Tokens of leases: they grow, they never come twice, and JavaScript can hold them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from tests.runtime.queue.conftest import eventually

from mesh_runtime.database import EmbeddedServer, connect, migrate, runtime_source

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg
    from tests.runtime.queue.conftest import Rows

CLAIM = "SELECT token FROM mesh.claim_batch('01900000-0000-7000-8000-000000000001', '{process_image}', 1)"
WORKER = """
INSERT INTO mesh.workers (id, name, types, expires_at)
VALUES ('01900000-0000-7000-8000-000000000001', 'test', '{}', now() + interval '1 hour') ON CONFLICT DO NOTHING
"""


def claim(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(CLAIM).fetchone()
    assert row is not None
    return int(row[0])


def test_tokens_grow_and_javascript_can_hold_them(auto: psycopg.Connection[Any], rows: Rows, worker_id: str) -> None:
    del worker_id
    rows("SELECT mesh.enqueue('process_image') FROM generate_series(1, 50)")
    tokens = [claim(auto) for _ in range(50)]
    assert len(set(tokens)) == 50
    assert [token // 4096 for token in tokens] == sorted(token // 4096 for token in tokens)
    assert tokens[-1] < 2**53


def crashed(server: EmbeddedServer, connection: psycopg.Connection[Any], folder: Path) -> str:
    """Stop the server in immediate mode, and start it again."""
    pid = int(next(folder.rglob("postmaster.pid")).read_text().split()[0])
    os.kill(pid, signal.SIGQUIT)

    def down() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    eventually(down)
    connection.close()
    return server.start()


def test_a_token_that_a_crash_took_back_is_not_given_to_another(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "server")
    url = server.start()
    given: list[int] = []
    try:
        with connect(url, autocommit=True) as connection:
            migrate(connection, (runtime_source(),))
        for _ in range(3):
            with connect(url, autocommit=True) as connection:
                connection.execute(WORKER)
                connection.execute("SELECT mesh.enqueue('process_image') FROM generate_series(1, 40)")
                given += [claim(connection) for _ in range(40)]
                url = crashed(server, connection, tmp_path / "server")
        assert len(set(given)) == len(given)
        with connect(url, autocommit=True) as connection:
            found = connection.execute("SELECT count(*) FROM mesh.jobs").fetchone()
            held = connection.execute("SELECT coalesce(sum(size), 0) FROM mesh.leases").fetchone()
            assert found is not None
            assert held is not None
            assert found[0] + held[0] == 120, "what a crash takes back is in the queue again"
    finally:
        server.stop()
