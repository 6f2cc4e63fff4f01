"""Handlers that take longer than they may: async ones are cancelled, threads are left to themselves and counted."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.workers import QUICK, working

from mesh_runtime.queue import (
    Handler,
    HandlerError,
    JobContext,
    StaleLeaseError,
    Worker,
    by_type,
    enqueue,
    job,
)
from mesh_runtime.queue.context import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.queue import Counts
    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
SHORT = timedelta(seconds=0.2)
DEAD = "SELECT reason, errors -> 0 ->> 'error' FROM mesh.dead_jobs"


@pytest.fixture
def drain(settings: Settings, auto: Connection) -> Callable[..., Counts]:
    del auto

    def run(*handlers: Handler, **options: Any) -> Counts:
        return Worker(settings, by_type(handlers), timing=QUICK, **options).run_until_empty()

    return run


@job("quick")
async def quick(_payload: dict[str, Any], _context: JobContext) -> None:
    """Nothing."""


def test_an_async_handler_is_cancelled_when_its_time_is_over(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    cancelled: list[bool] = []

    @job("long", timeout=SHORT)
    async def long(_payload: dict[str, Any], _context: JobContext) -> None:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    enqueue(auto, long, {}, max_attempts=1)
    enqueue(auto, quick, {})
    counts = drain(long, quick, concurrency=1)
    assert (counts.completed, counts.failed, cancelled) == (1, 1, [True])
    assert rows(DEAD) == [("exhausted", "timed out after 0.2 s")]


def test_a_timeout_that_the_handler_itself_runs_into_is_an_error_like_others(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("own", timeout=timedelta(seconds=20))
    async def own(_payload: dict[str, Any], _context: JobContext) -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(600)

    enqueue(auto, own, {}, max_attempts=1)
    assert drain(own).failed == 1
    assert rows(DEAD) == [("exhausted", "TimeoutError: ")]


def test_the_jobs_own_limit_comes_before_that_of_its_type(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("long", timeout=timedelta(hours=1))
    async def long(_payload: dict[str, Any], _context: JobContext) -> None:
        await asyncio.sleep(600)

    enqueue(auto, long, {}, max_attempts=1, timeout=SHORT)
    assert drain(long).failed == 1
    assert rows(DEAD) == [("exhausted", "timed out after 0.2 s")]


def test_what_a_thread_completes_after_its_time_is_refused(auto: Connection, rows: Rows, settings: Settings) -> None:
    ended: list[BaseException | None] = []
    seen: list[Stop | None] = []

    @job("long", timeout=SHORT)
    def long(_payload: dict[str, Any], context: JobContext) -> None:
        if context.job.attempt > 1:
            return
        eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(1,)])
        seen.append(context.stop if context.cancelled else None)
        try:
            with context.connect() as connection:
                connection.execute("INSERT INTO effects VALUES (%s, 1)", (context.job.id,))
                context.complete(connection)
        except StaleLeaseError as error:
            ended.append(error)
            raise
        ended.append(None)

    enqueue(auto, long, {})
    with working(settings, long) as worker:
        eventually(lambda: ended)
    assert isinstance(ended[0], StaleLeaseError)
    assert seen == [Stop.TIMED_OUT]
    assert (worker.counts.completed, worker.counts.failed, worker.worn_out) == (1, 1, False)
    assert rows("SELECT status, attempts, (SELECT count(*) FROM effects) FROM mesh.history") == [("completed", 2, 0)]


def test_a_thread_that_is_over_its_time_has_a_stand_in(auto: Connection, drain: Callable[..., Counts]) -> None:
    returns = threading.Event()

    @job("long", timeout=SHORT)
    def long(_payload: dict[str, Any], _context: JobContext) -> None:
        returns.wait(60)

    @job("short")
    def short(_payload: dict[str, Any], _context: JobContext) -> None:
        """Nothing."""

    for _ in range(3):
        enqueue(auto, long, {}, max_attempts=1)
    enqueue(auto, short, {})
    counts = drain(long, short, concurrency=1)
    returns.set()
    assert (counts.completed, counts.failed) == (1, 3)


def test_a_worker_whose_threads_are_over_their_time_ends_and_gives_back_what_it_has_not_started(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    returns = threading.Event()

    @job("long", timeout=SHORT)
    def long(_payload: dict[str, Any], _context: JobContext) -> None:
        returns.wait(60)

    for _ in range(10):
        enqueue(auto, long, {}, max_attempts=1)
    worker = Worker(settings, by_type([long]), timing=QUICK, concurrency=1, most_leaked=3)
    worker.run()
    returns.set()
    assert worker.worn_out
    assert worker.counts.failed == 3
    assert rows("SELECT status, attempts, rescues, count(*) FROM mesh.jobs GROUP BY 1, 2, 3") == [("pending", 0, 0, 7)]


def test_threads_that_return_after_all_do_not_count(auto: Connection, drain: Callable[..., Counts]) -> None:
    @job("late", timeout=timedelta(seconds=0.05))
    def late(_payload: dict[str, Any], context: JobContext) -> None:
        eventually(lambda: context.cancelled)

    for _ in range(8):
        enqueue(auto, late, {}, max_attempts=1)
    assert drain(late, concurrency=1, most_leaked=3).failed == 8


def test_a_limit_that_cannot_be_is_refused() -> None:
    with pytest.raises(HandlerError, match="more than nothing"):
        job("x", timeout=timedelta())
