"""Cancelling jobs that workers hold: waiting for their turn, or running in each of the ways in which handlers run."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from tests.runtime.queue import handlers_elsewhere as elsewhere
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.test_isolation import gone
from tests.runtime.queue.workers import working

from mesh_runtime.queue import JobContext, NewJob, Timing, enqueue, enqueue_many, job

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
HISTORY = "SELECT id, status FROM mesh.history"
SELDOM = Timing(renew=30, lease=90, poll=30, grace=5)
"""With these intervals, only a notification can be what ends a job."""
NOTHING_LEFT = """
SELECT (SELECT count(*) FROM mesh.leases) + (SELECT count(*) FROM mesh.cancellations) + (SELECT count(*) FROM mesh.jobs)
"""


def cancel(rows: Rows, *ids: UUID) -> list[str]:
    return [outcome for (outcome,) in rows("SELECT outcome FROM mesh.cancel_jobs(%s)", list(ids))]


@pytest.mark.parametrize("timing", [SELDOM, Timing(renew=0.2, lease=2, poll=0.1)], ids=["notified", "polled"])
def test_an_async_handler_is_cancelled(auto: Connection, rows: Rows, settings: Settings, timing: Timing) -> None:
    started = threading.Event()

    @job("long")
    async def long(_payload: dict[str, Any], _context: JobContext) -> None:
        started.set()
        await asyncio.sleep(600)

    wanted = enqueue(auto, long, {})
    with working(settings, long, timing=timing) as worker:
        assert started.wait(10)
        assert cancel(rows, wanted) == ["requested"]
        eventually(lambda: rows(HISTORY) == [(wanted, "cancelled")])
    assert worker.counts.cancelled == 1
    assert rows(NOTHING_LEFT) == [(0,)]


def test_a_process_is_killed(auto: Connection, rows: Rows, settings: Settings) -> None:
    wanted = enqueue(auto, elsewhere.stuck, {})
    with working(settings, elsewhere.stuck, timing=SELDOM) as worker:
        eventually(lambda: len(rows("SELECT pid FROM effects")) == 2)
        cancel(rows, wanted)
        eventually(lambda: rows(HISTORY) == [(wanted, "cancelled")])
        eventually(lambda: all(gone(pid) for (pid,) in rows("SELECT pid FROM effects")))
    assert worker.counts.cancelled == 1


@pytest.mark.parametrize("how", ["return", "raise"])
def test_a_thread_that_asks_learns_of_it_and_its_job_ends_as_cancelled(
    auto: Connection, rows: Rows, settings: Settings, how: str
) -> None:
    started = threading.Event()

    @job("long")
    def long(_payload: dict[str, Any], context: JobContext) -> dict[str, object]:
        started.set()
        eventually(lambda: context.cancelled)
        if how == "raise":
            raise ValueError("stopped in the middle")
        return {"half": "done"}

    wanted = enqueue(auto, long, {})
    with working(settings, long, timing=SELDOM):
        assert started.wait(10)
        cancel(rows, wanted)
        eventually(lambda: rows(HISTORY) == [(wanted, "cancelled")])
    assert rows("SELECT result FROM mesh.history") == [(None,)]


def test_a_thread_that_does_not_ask_completes_its_job(auto: Connection, rows: Rows, settings: Settings) -> None:
    started, goes_on = threading.Event(), threading.Event()

    @job("long")
    def long(_payload: dict[str, Any], _context: JobContext) -> None:
        started.set()
        goes_on.wait(10)

    wanted = enqueue(auto, long, {})
    with working(settings, long):
        assert started.wait(10)
        cancel(rows, wanted)
        goes_on.set()
        eventually(lambda: rows(HISTORY) == [(wanted, "completed")])
    assert rows(NOTHING_LEFT) == [(0,)]


def test_jobs_that_a_worker_holds_but_has_not_started_are_not_started(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    goes_on, ran = threading.Event(), list[UUID]()

    @job("long", payload=elsewhere.Number)
    def long(payload: elsewhere.Number, context: JobContext) -> None:
        ran.append(context.job.id)
        if payload.n > 100:
            goes_on.wait(10)

    with working(settings, long, concurrency=1):
        enqueue_many(auto, [NewJob(job_type=long, payload={"n": n}) for n in range(50)])
        eventually(lambda: len(ran) == 50)  # by now it knows that jobs are quick, and claims ahead
        ids = enqueue_many(auto, [NewJob(job_type=long, payload={"n": 101}) for n in range(5)])
        eventually(lambda: rows("SELECT sum(size) FROM mesh.leases") == [(5,)] and len(ran) == 51)
        assert cancel(rows, *ids[1:]) == ["requested"] * 4
        eventually(lambda: rows("SELECT count(*) FROM mesh.history WHERE status = 'cancelled'") == [(4,)])
        assert len(ran) == 51
        goes_on.set()
        eventually(lambda: rows(NOTHING_LEFT) == [(0,)])
    assert rows("SELECT count(*) FROM mesh.history WHERE status = 'completed'") == [(51,)]


def test_a_job_that_fails_before_it_hears_of_its_cancellation_does_not_run_again(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    started, goes_on = threading.Event(), threading.Event()

    @job("long")
    def long(_payload: dict[str, Any], _context: JobContext) -> None:
        started.set()
        goes_on.wait(10)
        raise ValueError("no")

    wanted = enqueue(auto, long, {})
    with working(settings, long):
        assert started.wait(10)
        cancel(rows, wanted)
        goes_on.set()
        eventually(lambda: rows(HISTORY) == [(wanted, "cancelled")])
    assert rows(NOTHING_LEFT) == [(0,)]
