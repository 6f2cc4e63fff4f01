from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pydantic import BaseModel
from tests.runtime.queue.conftest import eventually

from mesh_runtime.database import connect
from mesh_runtime.errors import Permanent, RetryAfter
from mesh_runtime.queue import (
    Handler,
    JobContext,
    NewJob,
    NoQueueError,
    Timing,
    Worker,
    by_type,
    enqueue,
    enqueue_many,
    job,
)
from mesh_runtime.testing import SERVER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.queue import Counts
    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
Drain = "Callable[..., Counts]"

QUICK = Timing(renew=0.2, lease=1.0, poll=0.1, grace=2)


class Number(BaseModel):
    n: int


@job("double", payload=Number)
def double(payload: Number, context: JobContext) -> dict[str, object]:
    return {"twice": payload.n * 2, "attempt": context.job.attempt}


@job("double_async", payload=Number)
async def double_async(payload: Number, context: JobContext) -> dict[str, object]:
    await asyncio.sleep(0)
    return {"twice": payload.n * 2, "user": context.job.user_id}


@pytest.fixture
def drain(settings: Settings, auto: Connection) -> Callable[..., Counts]:
    """Run these handlers until the queue is empty."""
    del auto

    def run(*handlers: Handler, **options: Any) -> Counts:
        return Worker(settings, by_type(handlers), timing=QUICK, **options).run_until_empty()

    return run


def failing(error: BaseException) -> Handler:
    @job("failing")
    def fail(_payload: dict[str, object], _context: JobContext) -> None:
        raise error

    return fail


def test_sync_and_async_handlers_get_typed_payloads_and_leave_results(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    enqueue(auto, double, Number(n=2))
    enqueue(auto, double_async, Number(n=4), user_id="u")
    assert drain(double, double_async).completed == 2
    assert rows("SELECT job_type, result FROM job_history ORDER BY job_type") == [
        ("double", {"twice": 4, "attempt": 1}),
        ("double_async", {"twice": 8, "user": "u"}),
    ]
    assert rows("SELECT (SELECT count(*) FROM mesh.leases), (SELECT count(*) FROM mesh.workers)") == [(0, 0)]


def test_many_jobs_run_once_each(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    enqueue_many(auto, [NewJob(job_type=double, payload={"n": n}) for n in range(2000)])
    assert drain(double).completed == 2000
    assert rows("SELECT count(*), count(DISTINCT id) FROM mesh.history") == [(2000, 2000)]
    assert rows("SELECT (SELECT count(*) FROM mesh.leases), (SELECT count(*) FROM mesh.lease_ends)") == [(0, 0)]


def test_jobs_that_handlers_enqueue_are_run_too(auto: Connection, drain: Callable[..., Counts]) -> None:
    @job("chain", payload=Number)
    def chain(payload: Number, context: JobContext) -> None:
        with context.connect() as connection:
            if payload.n:
                enqueue(connection, "chain", {"n": payload.n - 1})
            context.complete(connection)

    enqueue(auto, chain, {"n": 5})
    assert drain(chain).completed == 6


def test_one_failing_job_does_not_hold_back_its_batch(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("odd", payload=Number)
    async def odd(payload: Number, _context: JobContext) -> None:
        if payload.n % 2:
            raise RetryAfter(timedelta(minutes=1), f"{payload.n} is odd")  # a backoff may be next to nothing

    enqueue_many(auto, [NewJob(job_type=odd, payload={"n": n}) for n in range(10)])
    counts = drain(odd)
    assert (counts.completed, counts.failed) == (5, 5)
    assert rows("SELECT DISTINCT status, attempts FROM background_jobs") == [("scheduled", 1)]
    assert rows("SELECT error_message FROM background_jobs ORDER BY created_at LIMIT 1") == [("1 is odd",)]


def test_a_failed_job_keeps_its_traceback(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    enqueue(auto, failing(ValueError("no\0nul")), {})
    drain(failing(ValueError("no\0nul")))
    ((error, trace),) = rows("SELECT errors -> 0 ->> 'error', errors -> 0 ->> 'traceback' FROM mesh.jobs")
    assert error == "ValueError: no\N{REPLACEMENT CHARACTER}nul"
    assert "in fail\n" in trace


def test_retry_after_says_when(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    handler = failing(RetryAfter(timedelta(minutes=10), "busy"))
    enqueue(auto, handler, {})
    drain(handler)
    assert rows(
        "SELECT status, error_message, round(extract(epoch FROM scheduled_for - now()) / 60) FROM background_jobs"
    ) == [("scheduled", "busy", 10)]


def test_permanent_is_a_dead_letter_at_once(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    handler = failing(Permanent("not an export", remedy="Send another."))
    enqueue(auto, handler, {})
    drain(handler)
    assert rows("SELECT reason, attempts, errors -> 0 ->> 'error' FROM mesh.dead_jobs") == [
        ("permanent", 1, "not an export\n  Send another.")
    ]


def test_retries_end_in_a_dead_letter(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    handler = failing(RetryAfter(timedelta(), "busy"))
    enqueue(auto, handler, {}, max_attempts=3)
    assert drain(handler).failed == 3
    assert rows("SELECT reason, attempts FROM mesh.dead_jobs") == [("exhausted", 3)]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()])
def test_whatever_a_handler_raises_fails_only_its_job(
    auto: Connection, drain: Callable[..., Counts], error: BaseException
) -> None:
    handler = failing(error)
    enqueue(auto, handler, {})
    enqueue(auto, double, {"n": 1})
    counts = drain(handler, double)
    assert (counts.completed, counts.failed) == (1, 1)


def test_an_unreadable_payload_is_a_dead_letter_with_the_reason(rows: Rows, drain: Callable[..., Counts]) -> None:
    rows("SELECT mesh.register_job_types('{double}'), mesh.enqueue('double', '{\"m\": 1}')")
    drain(double)
    assert rows("SELECT reason, errors -> 0 ->> 'error' FROM mesh.dead_jobs") == [
        ("unreadable", "the payload of double is invalid: n: Field required")
    ]


def test_a_newer_payload_is_left_to_newer_workers(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    newer = Handler("double", double.function, Number, version=2)
    enqueue(auto, newer, {"n": 1})
    assert drain(double).released == 1
    assert rows("SELECT status, attempts, rescues FROM mesh.jobs") == [("scheduled", 0, 0)]


@pytest.mark.parametrize("result", [{"bad": object()}, {"bad": "a\0b"}, {"bad": float("nan")}])
def test_a_result_that_cannot_be_stored_is_a_dead_letter_and_the_batch_goes_on(
    auto: Connection, rows: Rows, drain: Callable[..., Counts], result: dict[str, object]
) -> None:
    @job("sometimes", payload=Number)
    async def sometimes(payload: Number, _context: JobContext) -> dict[str, object]:
        return result if payload.n == 3 else {}

    enqueue_many(auto, [NewJob(job_type=sometimes, payload={"n": n}) for n in range(6)])
    counts = drain(sometimes)
    assert (counts.completed, counts.failed) == (5, 1)
    assert rows("SELECT reason FROM mesh.dead_jobs") == [("permanent",)]


def test_a_handler_that_forgets_to_commit_is_run_again(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("forgetful")
    def forgetful(_payload: dict[str, object], context: JobContext) -> None:
        with context.connect() as connection:
            context.complete(connection)
            connection.rollback()

    enqueue(auto, forgetful, {})
    assert drain(forgetful).failed == 1
    assert rows("SELECT status, error_message FROM background_jobs") == [
        ("scheduled", "the handler called complete() but did not commit its transaction")
    ]


def test_an_async_handler_completes_in_its_own_transaction(
    auto: Connection, rows: Rows, settings: Settings, drain: Callable[..., Counts]
) -> None:
    @job("effect")
    async def effect(_payload: dict[str, object], context: JobContext) -> None:
        async with await psycopg.AsyncConnection.connect(str(settings.database_url)) as connection:
            await connection.execute("INSERT INTO effects VALUES (%s, 1)", (context.job.id,))
            await context.complete_async(connection, {"done": True})

    enqueue(auto, effect, {})
    assert drain(effect).completed == 1
    assert rows("SELECT count(*) FROM effects") == [(1,)]
    assert rows("SELECT result FROM job_history") == [({"done": True},)]


def test_jobs_without_a_handler_wait_for_a_worker_that_has_one(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    enqueue(auto, "process_image", {})
    drain(double)
    assert rows("SELECT status, attempts FROM background_jobs") == [("pending", 0)]


def test_a_running_worker_gets_new_handlers_and_sleeps_until_it_is_woken(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    found: list[dict[str, Handler]] = []
    slow_poll = Timing(renew=0.2, lease=1.0, poll=0.3, grace=2)
    worker = Worker(settings, by_type([double]), timing=slow_poll, refresh=lambda: found.pop() if found else None)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        enqueue(auto, double_async, {"n": 1})
        eventually(lambda: rows("SELECT count(*) FROM mesh.workers WHERE idle") == [(1,)])
        assert rows("SELECT count(*) FROM mesh.history") == [(0,)]
        found.append(by_type([double, double_async]))
        eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(1,)])
        eventually(lambda: rows("SELECT types FROM mesh.workers") == [(["double", "double_async"],)])
    finally:
        worker.stop()
        thread.join()
    assert worker.counts.completed == 1


def test_a_sleeping_worker_is_woken_rather_than_polling(auto: Connection, rows: Rows, settings: Settings) -> None:
    lazy = Timing(renew=0.5, lease=5, poll=30, grace=2)
    worker = Worker(settings, by_type([double]), timing=lazy)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        eventually(lambda: rows("SELECT count(*) FROM mesh.workers WHERE idle") == [(1,)])
        time.sleep(0.2)
        enqueue(auto, double, {"n": 1})
        eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(1,)], seconds=3)
    finally:
        worker.stop()
        thread.join()


def test_a_worker_that_was_declared_dead_begins_anew(auto: Connection, rows: Rows, settings: Settings) -> None:
    started = threading.Event()

    @job("slow")
    def slow(_payload: dict[str, object], context: JobContext) -> None:
        started.set()
        eventually(lambda: context.lost or context.job.rescues)

    enqueue(auto, slow, {})
    worker = Worker(settings, by_type([slow]), timing=QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert started.wait(5)
        rows("DELETE FROM mesh.workers")
        eventually(lambda: rows("SELECT status, attempts, rescues FROM mesh.history") == [("completed", 1, 1)])
    finally:
        worker.stop()
        thread.join()
    assert worker.counts.completed == 1
    assert worker.counts.refused == 1


def test_a_slow_job_does_not_keep_the_worker_from_claiming_others(
    auto: Connection, drain: Callable[..., Counts]
) -> None:
    @job("first")
    def first(_payload: dict[str, object], context: JobContext) -> None:
        with context.connect() as connection:
            connection.autocommit = True
            eventually(lambda: connection.execute("SELECT count(*) FROM mesh.history").fetchone() == (3,), seconds=5)

    enqueue(auto, first, {}, priority=10)
    for n in range(3):
        enqueue(auto, double, {"n": n}, priority=n)
    counts = drain(first, double)
    assert (counts.completed, counts.failed) == (4, 0)


def test_a_database_without_the_queue_is_named_with_the_remedy(mesh_server: str, settings: Settings) -> None:
    with connect(mesh_server, autocommit=True) as empty, pytest.raises(NoQueueError, match="mesh db migrate"):
        enqueue(empty, double, {"n": 1})
    with pytest.raises(NoQueueError, match="this database has no queue"):
        Worker(replace(settings, database_url=mesh_server), by_type([double]), timing=QUICK).run()


def test_handlers_get_no_connection_that_the_server_has_closed(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("count", payload=Number)
    def count(payload: Number, context: JobContext) -> None:
        with context.connect() as connection:
            connection.execute("INSERT INTO effects VALUES (%s, pg_backend_pid())", (context.job.id,))
        if payload.n == 0:
            rows("SELECT pg_terminate_backend(pid, 2000) FROM effects")

    for n in range(4):
        enqueue(auto, count, {"n": n % 2})
    counts = drain(count, concurrency=1)
    assert (counts.completed, counts.failed) == (4, 0)
    assert len(rows("SELECT DISTINCT pid FROM effects")) == 3, "a connection that is sound is used again"


def test_what_a_handler_leaves_open_is_rolled_back(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    @job("careless", payload=Number)
    def careless(payload: Number, context: JobContext) -> None:
        with context.connect() as connection:
            connection.execute("INSERT INTO effects VALUES (%s, 1)", (context.job.id,))
            if payload.n:
                raise ValueError("no")

    enqueue(auto, careless, {"n": 1}, max_attempts=1)
    enqueue(auto, careless, {"n": 0})
    drain(careless, concurrency=1)
    assert rows("SELECT count(*) FROM effects") == [(1,)]


def test_what_a_handler_sets_for_its_session_does_not_reach_the_next_job(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("setting", payload=Number)
    def setting(payload: Number, context: JobContext) -> dict[str, object]:
        with context.connect() as connection:
            zone = connection.execute("SHOW timezone").fetchone()
            if payload.n == 0:
                connection.execute("SET TIME ZONE 'Asia/Tokyo'")
            return {"zone": zone, "backend": connection.info.backend_pid}

    for n in range(2):
        enqueue(auto, setting, {"n": n})
    assert drain(setting, concurrency=1).completed == 2
    assert rows("SELECT count(DISTINCT result ->> 'zone'), count(DISTINCT result ->> 'backend') FROM mesh.history") == [
        (1, 1)
    ]


def test_an_advisory_lock_that_a_handler_forgot_is_released(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("locking")
    def locking(_payload: dict[str, object], context: JobContext) -> None:
        with context.connect() as connection:
            connection.execute("SELECT pg_advisory_lock(77)")
        assert rows("SELECT pg_try_advisory_lock(77)") == [(True,)]

    enqueue(auto, locking, {})
    assert drain(locking).completed == 1


def test_a_retry_in_a_million_years_ends_no_worker(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    handler = failing(RetryAfter(timedelta(days=400_000_000), "busy"))
    enqueue(auto, handler, {})
    assert drain(handler).failed == 1
    assert rows("SELECT status, run_at < now() + interval '366 days' FROM mesh.jobs") == [("scheduled", True)]


def test_an_end_that_the_database_refuses_buries_its_job_and_no_other(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("odd", payload=Number)
    async def odd(_payload: Number, _context: JobContext) -> None:
        raise RetryAfter(timedelta(hours=1), "later")

    enqueue_many(auto, [NewJob(job_type=odd, payload={"n": n}) for n in range(4)])
    rows("ALTER TABLE mesh.jobs ADD CONSTRAINT refused CHECK (attempts = 0 OR payload ->> 'n' <> '3')")
    assert drain(odd).failed == 4
    assert rows("SELECT payload FROM mesh.jobs ORDER BY payload") == [({"n": n},) for n in range(3)]
    ((payload, reason, error),) = rows("SELECT payload, reason, errors -> 0 ->> 'error' FROM mesh.dead_jobs")
    assert (payload, reason) == ({"n": 3}, "permanent")
    assert error.startswith("how the job ended cannot be stored: new row")


def test_a_row_that_cannot_be_promoted_ends_no_worker(auto: Connection, rows: Rows, settings: Settings) -> None:
    enqueue(auto, double, {"n": 3}, delay=timedelta(hours=1))
    rows("UPDATE mesh.jobs SET run_at = now()")
    rows("ALTER TABLE mesh.jobs ADD CONSTRAINT refused CHECK (status = 'scheduled' OR payload ->> 'n' <> '3')")
    worker = Worker(settings, by_type([double]), timing=QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        time.sleep(0.5)
        enqueue(auto, double, {"n": 1})
        eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(1,)])
    finally:
        worker.stop()
        thread.join()


def test_a_rescued_job_waits_while_others_run_and_then_runs(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("first")
    def first(_payload: dict[str, object], context: JobContext) -> None:
        with context.connect() as connection:
            connection.autocommit = True
            eventually(lambda: connection.execute("SELECT count(*) FROM mesh.history").fetchone() == (3,), seconds=5)

    enqueue(auto, first, {}, priority=10)
    enqueue(auto, double_async, {"n": 1}, priority=9)
    rows("UPDATE mesh.jobs SET rescues = 1 WHERE job_type = 'double_async'")
    for n in range(3):
        enqueue(auto, double, {"n": n})
    counts = drain(first, double, double_async, concurrency=2)
    assert (counts.completed, counts.failed) == (5, 0)
    assert rows("SELECT job_type FROM mesh.history ORDER BY completed_at DESC LIMIT 1") == [("double_async",)]


def test_a_claim_that_the_worker_never_heard_of_goes_back(auto: Connection, rows: Rows, settings: Settings) -> None:
    worker = Worker(settings, by_type([double]), timing=replace(QUICK, strays=0.2))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        eventually(lambda: rows("SELECT count(*) FROM mesh.workers") == [(1,)])
        enqueue(auto, "process_image", {})
        assert rows("SELECT count(*) FROM mesh.workers w, mesh.claim_batch(w.id, '{process_image}', 1)") == [(1,)]
        eventually(lambda: rows("SELECT status, rescues FROM mesh.jobs") == [("pending", 0)])
        assert rows("SELECT count(*) FROM mesh.workers") == [(1,)], "it is the same worker"
    finally:
        worker.stop()
        thread.join()


def test_letters_that_look_like_a_nul_or_no_number_are_kept(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    text = {"text": "\\u0000 NaN"}

    @job("echo")
    def echo(payload: dict[str, object], _context: JobContext) -> dict[str, object]:
        return payload

    enqueue(auto, echo, text)
    assert drain(echo).completed == 1
    assert rows("SELECT payload, result FROM mesh.history") == [(text, text)]


@pytest.mark.skipif(SERVER_VARIABLE in os.environ, reason="a process of that server cannot be stopped from here")
def test_a_worker_whose_heartbeat_gets_no_answer_begins_anew(auto: Connection, rows: Rows, settings: Settings) -> None:
    worker = Worker(settings, by_type([double]), timing=QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    beat = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mesh worker: heartbeat'"
    try:
        eventually(lambda: rows(beat))
        ((pid,),) = rows(beat)
        os.kill(pid, signal.SIGSTOP)
        try:
            eventually(lambda: len(rows(beat)) == 2)
            enqueue(auto, double, {"n": 1})
            eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(1,)])
        finally:
            os.kill(pid, signal.SIGCONT)
    finally:
        worker.stop()
        thread.join()
