"""Everything but LISTEN works through a pooler in transaction mode, where no two transactions share a session."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.queue.conftest import POOLED_VARIABLE, eventually
from tests.runtime.queue.pooler import pooled
from tests.runtime.queue.workers import working

from mesh_runtime.database import connect
from mesh_runtime.errors import RetryAfter
from mesh_runtime.queue import Gate, JobContext, NewJob, enqueue, enqueue_many, job, register_types
from mesh_runtime.settings import Settings
from mesh_runtime.testing import SERVER_VARIABLE

if TYPE_CHECKING:
    import psycopg
    from tests.runtime.queue.conftest import Rows

FILES = ("test_leases", "test_fan_in", "test_unique", "test_debounce", "test_cancel", "test_rpc")
LISTENING = ("test_cancel.py::test_workers_are_notified_only_of_jobs_that_run",)
"""They ask what LISTEN hears."""
FOLDER = Path(__file__).parent
SERVERS, ENQUEUERS, EACH = 3, 5, 12


@job("pooled_once")
def once(payload: dict[str, Any], context: JobContext) -> None:
    """Completes itself."""
    with context.connect() as connection:
        connection.execute("INSERT INTO effects VALUES (%s, 0)", (context.job.id,))
        context.complete(connection, payload)


@job("pooled_async")
async def in_loop(payload: dict[str, Any], context: JobContext) -> dict[str, object]:
    """Fails once, then says how far it is."""
    if context.job.attempt == 1:
        raise RetryAfter(timedelta(milliseconds=10), "once more")
    await context.progress_async(0.5, "half")
    return payload


@job("pooled_child")
def child(payload: dict[str, Any], context: JobContext) -> dict[str, object]:
    """Reads what its parents returned."""
    del payload
    return {"parents": len(context.parent_results())}


HANDLERS = (once, in_loop, child)


def put(url: str, number: int) -> None:
    with connect(url) as connection:
        for n in range(EACH):
            parents = [NewJob(job_type=once, payload={"n": n}), NewJob(job_type=in_loop, payload={"n": n})]
            enqueue_many(connection, [*parents, NewJob(job_type=child, payload={}, after=parents)])
            enqueue(connection, once, {"n": n}, unique_key=f"{number} {n % 3}")
            enqueue(connection, in_loop, {"n": n}, debounce_key=f"{number}", delay=timedelta(milliseconds=20))
            enqueue(connection, child, {"n": n}, gate=Gate("narrow", most_running=2))
            connection.commit()


@pytest.mark.usefixtures("sound")
def test_a_worker_and_enqueuers_share_fewer_connections_than_they_are(
    auto: psycopg.Connection[Any], rows: Rows, settings: Settings, database_url: str
) -> None:
    register_types(auto, HANDLERS)
    with pooled(database_url, SERVERS) as (url, pooler):
        behind = Settings.load(settings.project, {"DATABASE_URL": url})
        threads = [threading.Thread(target=put, args=(url, number)) for number in range(ENQUEUERS)]
        with working(behind, *HANDLERS, concurrency=6) as worker:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            eventually(lambda: rows("SELECT 1 FROM mesh.jobs UNION ALL SELECT 1 FROM mesh.leases") == [], 60)
        assert pooler.switches > 100, "transactions of one client ran on many backends"
        assert worker.counts.refused == 0
    assert rows("SELECT * FROM mesh.dead_jobs") == []
    assert rows("SELECT count(*) FROM mesh.history WHERE job_type = 'pooled_child' AND status = 'completed'") == [
        (2 * ENQUEUERS * EACH,)
    ]
    doubled = "SELECT job_id FROM effects GROUP BY job_id HAVING count(*) > 1"
    assert rows(doubled) == []


def test_a_direct_url_wakes_a_worker_that_works_through_the_pooler(
    auto: psycopg.Connection[Any], rows: Rows, settings: Settings, database_url: str
) -> None:
    register_types(auto, HANDLERS)
    with pooled(database_url, SERVERS) as (url, _):
        behind = Settings.load(settings.project, {"DATABASE_URL": url, "DATABASE_DIRECT_URL": database_url})
        with working(behind, *HANDLERS):
            eventually(lambda: rows("SELECT 1 FROM mesh.workers WHERE idle"))
            listening = (
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
            )
            assert rows(listening) == [(1,)]
            enqueue(auto, once, {})
            eventually(lambda: rows("SELECT 1 FROM mesh.history"))


@pytest.mark.slow
@pytest.mark.skipif(POOLED_VARIABLE in os.environ, reason="this is that run")
def test_the_suite_passes_with_every_transaction_on_another_backend(mesh_server: str) -> None:
    """The worker's own tests can be run so too: MESH_TEST_POOLED=1; those about LISTEN and process ids fail then."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
    command += [str(FOLDER / f"{name}.py") for name in FILES]
    command += [f"--deselect=tests/runtime/queue/{name}" for name in LISTENING]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ |= {POOLED_VARIABLE: "1", SERVER_VARIABLE: mesh_server}
    done = subprocess.run(command, cwd=FOLDER.parents[2], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
