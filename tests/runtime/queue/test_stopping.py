"""Workers that stop: within a budget of time, and with what they have claimed but not started."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.workers import QUICK

from mesh_runtime.queue import JobContext, NewJob, Worker, by_type, enqueue_many, job

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
LEFT = "SELECT (SELECT count(*) FROM mesh.leases), (SELECT count(*) FROM mesh.workers)"
WAITING = "SELECT attempts, rescues, count(*) FROM mesh.jobs GROUP BY 1, 2"


@job("nap")
def nap(payload: dict[str, Any], _context: JobContext) -> None:
    """Sleep."""
    time.sleep(payload.get("seconds", 0))


def test_a_budget_ends_the_worker_and_what_it_did_not_start_goes_back(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    enqueue_many(auto, [NewJob(job_type=nap, payload={"seconds": 0.02}) for _ in range(400)])
    counts = Worker(settings, by_type([nap]), timing=QUICK, concurrency=2, budget=1).run_until_empty()
    assert 0 < counts.completed < 400
    assert rows(WAITING) == [(0, 0, 400 - counts.completed)]
    assert rows(LEFT) == [(0, 0)]


def test_within_its_budget_a_worker_ends_when_the_queue_is_empty(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    enqueue_many(auto, [NewJob(job_type=nap, payload={}) for _ in range(20)])
    assert Worker(settings, by_type([nap]), timing=QUICK, budget=600).run_until_empty().completed == 20
    assert rows(LEFT) == [(0, 0)]


def test_a_budget_of_nothing_runs_nothing_and_loses_nothing(auto: Connection, rows: Rows, settings: Settings) -> None:
    enqueue_many(auto, [NewJob(job_type=nap, payload={}) for _ in range(20)])
    counts = Worker(settings, by_type([nap]), timing=QUICK, budget=0).run_until_empty()
    assert rows("SELECT count(*) FROM mesh.jobs") == [(20 - counts.completed,)]
    assert rows(LEFT) == [(0, 0)]


def test_nothing_is_started_once_a_worker_was_told_to_stop(auto: Connection, rows: Rows, settings: Settings) -> None:
    started, goes_on = threading.Event(), threading.Event()

    @job("step")
    def step(_payload: dict[str, Any], _context: JobContext) -> None:
        if rows("SELECT count(*) FROM mesh.history")[0][0] >= 30:
            started.set()
            goes_on.wait(10)

    enqueue_many(auto, [NewJob(job_type=step, payload={}) for _ in range(30)])
    worker = Worker(settings, by_type([step]), timing=QUICK, concurrency=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(30,)])
        enqueue_many(auto, [NewJob(job_type=step, payload={}) for _ in range(10)])
        assert started.wait(10)
        worker.stop()
        eventually(lambda: rows("SELECT count(*) FROM mesh.jobs") == [(9,)])
    finally:
        goes_on.set()
        thread.join()
    assert worker.counts.completed == 31
    assert rows(WAITING) == [(0, 0, 9)]
