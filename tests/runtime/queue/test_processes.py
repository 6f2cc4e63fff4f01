"""Real worker processes that are killed, frozen, stopped, and that lose their database."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue.conftest import RUNS, WorkerProcess, eventually
from tests.runtime.queue.worker_program import deadly, once, timed, timed_async

from mesh_runtime.database import EmbeddedServer, connect, migrate, runtime_source
from mesh_runtime.queue import NewJob, Timing, enqueue_many
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.queue import Handler

Connection = psycopg.Connection[Any]

COMPLETED = "SELECT count(*) FROM mesh.history WHERE status = 'completed'"
RUNNING = "SELECT count(*) FROM runs WHERE ended_at IS NULL"
OVERLAPS = """
SELECT count(*) FROM runs a JOIN runs b ON a.job_id = b.job_id AND a.run < b.run
WHERE b.started_at < coalesce(a.ended_at, 'infinity')
"""


def put(connection: Connection, handler: Handler, count: int, **payload: object) -> None:
    enqueue_many(connection, [NewJob(job_type=handler, payload=payload) for _ in range(count)])


def completed(rows: Rows) -> int:
    return int(rows(COMPLETED)[0][0])


def test_two_workers_never_run_one_job_at_a_time(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, timed, 150, seconds=0.01)
    put(auto, timed_async, 150, seconds=0.01)
    for _ in range(2):
        start_worker("8")
    eventually(lambda: completed(rows) == 300)
    assert rows("SELECT count(*), count(DISTINCT job_id) FROM runs") == [(300, 300)]
    assert rows(OVERLAPS) == [(0,)]
    assert len(rows("SELECT DISTINCT pid FROM runs")) == 2, "both had their share"


def test_a_killed_workers_jobs_run_again_and_nothing_is_lost(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, timed, 3, seconds=30)
    victim = start_worker("3")
    eventually(lambda: rows(RUNNING) == [(3,)])
    put(auto, timed, 5, seconds=0)
    victim.send(signal.SIGKILL)
    # What the killed worker left behind is quick this time.
    rows(
        "UPDATE mesh.leases SET jobs = ("
        "SELECT array_agg(jsonb_populate_record(j, '{\"payload\": {}}')) FROM unnest(jobs) j)"
    )
    start_worker()
    eventually(lambda: completed(rows) == 8)
    assert rows("SELECT attempts, rescues, count(*) FROM mesh.history GROUP BY 1, 2 ORDER BY 3") == [
        (1, 1, 3),
        (1, 0, 5),
    ]
    assert rows("SELECT count(*) FROM mesh.dead_jobs") == [(0,)]


def test_the_usual_intervals_rescue_a_dead_workers_jobs_within_twenty_seconds() -> None:
    usual = Timing()
    assert (usual.renew, usual.lease, usual.poll) == (3.0, 15.0, 1.0)
    assert usual.lease + usual.renew + usual.poll < 20


def test_a_frozen_workers_late_completion_is_refused(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, timed, 1, seconds=0.5)
    frozen = start_worker()
    eventually(lambda: rows(RUNNING) == [(1,)])
    frozen.send(signal.SIGSTOP)
    start_worker()
    eventually(lambda: completed(rows) == 1)
    frozen.send(signal.SIGCONT)
    eventually(lambda: rows(RUNNING) == [(0,)])
    eventually(lambda: rows("SELECT count(*) FROM mesh.workers") == [(2,)])
    time.sleep(0.3)
    assert rows("SELECT id, rescues FROM mesh.history") == [(rows("SELECT job_id FROM runs")[0][0], 1)]
    put(auto, timed, 20, seconds=0.05)
    eventually(lambda: completed(rows) == 21)
    assert rows("SELECT count(*) FROM runs") == [(22,)]
    assert len(rows("SELECT DISTINCT pid FROM runs WHERE run > 2")) == 2, "the thawed worker works again"


def test_a_thawed_worker_starts_nothing_that_others_have_by_now(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, timed, 30, seconds=0.01)
    frozen = start_worker("1")
    eventually(lambda: completed(rows) == 30)  # by now it claims ahead
    put(auto, timed, 8, seconds=0.4)
    eventually(lambda: rows("SELECT sum(size) FROM mesh.leases")[0][0] is not None)
    eventually(lambda: rows(RUNNING) == [(1,)])
    frozen.send(signal.SIGSTOP)
    eventually(lambda: rows("SELECT mesh.tick()") and rows("SELECT count(*) FROM mesh.workers") == [(0,)])
    start_worker("8")
    eventually(lambda: rows("SELECT count(*) FROM runs WHERE pid <> %s", frozen.pid)[0][0] >= 1)
    frozen.send(signal.SIGCONT)
    eventually(lambda: completed(rows) == 38)
    once_each = rows("SELECT count(*) FROM runs GROUP BY job_id ORDER BY 1 DESC LIMIT 2")
    assert once_each == [(2,), (1,)], "only the job that was running when the worker froze was started twice"


def test_effects_in_the_jobs_own_transaction_happen_once_however_often_workers_are_killed(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, once, 60, seconds=0.1)
    chance = random.Random(5)
    workers = [start_worker("4", "0.8") for _ in range(2)]
    deadline, kills = time.monotonic() + 30, 6
    while completed(rows) < 60 and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.3, 0.8))
        if kills:
            kills -= 1
            workers.pop(0).send(signal.SIGKILL)
            workers.append(start_worker("4", "0.8"))
    assert completed(rows) == 60
    assert rows("SELECT count(*), count(DISTINCT job_id) FROM effects") == [(60, 60)]
    assert rows("SELECT count(*) FROM mesh.dead_jobs") == [(0,)]


def test_a_job_that_kills_its_worker_is_buried_and_takes_no_other_along(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, deadly, 1)
    rows("UPDATE mesh.jobs SET rescues = 3")
    put(auto, timed, 10, seconds=0.01)
    deadline = time.monotonic() + 25
    while rows("SELECT count(*) FROM mesh.dead_jobs") == [(0,)] and time.monotonic() < deadline:
        worker = start_worker("4", "0.5")
        eventually(lambda: worker.process.poll() is not None or rows("SELECT count(*) FROM mesh.dead_jobs") == [(1,)])  # noqa: B023
    assert rows("SELECT job_type, reason, rescues FROM mesh.dead_jobs") == [("deadly", "rescues", 6)]
    eventually(lambda: completed(rows) == 10)
    assert rows("SELECT max(rescues) FROM mesh.history") == [(0,)]


def test_sigterm_lets_running_jobs_end_and_gives_the_others_back_uncounted(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    put(auto, timed, 40, seconds=0.01)
    worker = start_worker("2")
    eventually(lambda: completed(rows) == 40)  # by now it knows that jobs are quick, and claims ahead
    put(auto, timed, 20, seconds=0.7)
    eventually(lambda: rows(RUNNING) == [(2,)])
    eventually(lambda: rows("SELECT sum(size) FROM mesh.leases")[0][0] > 2)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert rows("SELECT count(*) FROM runs WHERE ended_at IS NULL") == [(0,)]
    assert completed(rows) == 42
    assert rows("SELECT status, attempts, rescues, count(*) FROM mesh.jobs GROUP BY 1, 2, 3") == [("pending", 0, 0, 18)]
    assert rows("SELECT (SELECT count(*) FROM mesh.leases), (SELECT count(*) FROM mesh.workers)") == [(0, 0)]


@pytest.mark.parametrize("handler", [timed, timed_async], ids=["thread", "async"])
def test_a_second_sigterm_interrupts(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess], handler: Handler
) -> None:
    put(auto, handler, 1, seconds=60)
    worker = start_worker("2")
    eventually(lambda: rows(RUNNING) == [(1,)])
    worker.send(signal.SIGTERM)
    time.sleep(0.2)
    assert worker.process.poll() is None
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    rows("SELECT mesh.tick()")
    assert rows("SELECT status, attempts FROM mesh.jobs") == [("pending", 0)]


@pytest.mark.parametrize("handler", [timed, once])
def test_a_database_that_restarts_under_its_workers_loses_nothing(tmp_path: Path, handler: Handler) -> None:
    server = EmbeddedServer(tmp_path / "server")
    url = server.start()
    project = tmp_path / "project"
    project.mkdir()
    (project / "mesh.toml").write_text('[project]\nname = "test"\n')
    worker = None
    try:
        with connect(url, autocommit=True) as connection:
            migrate(connection, (runtime_source(),))
            connection.execute(RUNS)
            put(connection, handler, 120, seconds=0.02)
            worker = WorkerProcess(Settings.load(project, {"DATABASE_URL": url}), "4", "3")
            eventually(lambda: connection.execute(COMPLETED).fetchone() != (0,))
        for _ in range(2):
            server.stop()
            time.sleep(0.3)
            server.start()
            time.sleep(0.5)
        with connect(url, autocommit=True) as connection:
            # A job whose connection broke failed once and is due again within two seconds.
            eventually(lambda: connection.execute(COMPLETED).fetchone() == (120,), seconds=25)
            assert connection.execute("SELECT count(*) FROM mesh.dead_jobs").fetchone() == (0,)
            if handler is once:
                counted = connection.execute("SELECT count(*), count(DISTINCT job_id) FROM effects").fetchone()
                assert counted == (120, 120)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0
            connection.execute("SELECT mesh.tick()")
            assert connection.execute("SELECT count(*) FROM mesh.leases").fetchone() == (0,)
    finally:
        if worker is not None and worker.process.poll() is None:
            worker.process.kill()
            worker.wait()
        server.stop()


def test_a_worker_stops_even_while_its_database_is_away(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "server")
    url = server.start()
    project = tmp_path / "project"
    project.mkdir()
    (project / "mesh.toml").write_text('[project]\nname = "test"\n')
    try:
        with connect(url, autocommit=True) as connection:
            migrate(connection, (runtime_source(),))
            worker = WorkerProcess(Settings.load(project, {"DATABASE_URL": url}))
            eventually(lambda: connection.execute("SELECT count(*) FROM mesh.workers WHERE idle").fetchone() == (1,))
    finally:
        server.stop()
    worker.send(signal.SIGTERM)
    assert worker.wait(30) == 0
