"""Handlers in processes of their own: they end as others do, they can be killed, and they take nothing along."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue import handlers_elsewhere as elsewhere
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.workers import QUICK, working

from mesh_runtime.queue import Handler, HandlerError, NewJob, Worker, by_type, enqueue, enqueue_many, job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.queue.conftest import Rows, WorkerProcess

    from mesh_runtime.queue import Counts
    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
RUNNING = "SELECT pid FROM effects"


@pytest.fixture
def drain(settings: Settings, auto: Connection) -> Callable[..., Counts]:
    del auto

    def run(*handlers: Handler, **options: Any) -> Counts:
        return Worker(settings, by_type(handlers), timing=QUICK, **options).run_until_empty()

    return run


def gone(pid: int) -> bool:
    """Whether the process has ended, or waits for its parent to hear of that."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_sync_and_async_handlers_run_in_another_process_which_is_used_again(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    enqueue_many(auto, [NewJob(job_type=elsewhere.twice, payload={"n": n}) for n in range(4)])
    enqueue(auto, elsewhere.twice_async, {"n": 9})
    assert drain(elsewhere.twice, elsewhere.twice_async, concurrency=1).completed == 5
    results = [result for (result,) in rows("SELECT result FROM mesh.history ORDER BY (result ->> 'twice')::int")]
    assert [result["twice"] for result in results] == [0, 2, 4, 6, 18]
    assert len({result["pid"] for result in results} | {os.getpid()}) == 2


@pytest.mark.parametrize(
    ("n", "found"),
    [
        (0, [("scheduled", "ValueError: broken")]),
        (1, [("scheduled", "busy")]),
        (2, [("dead", "never")]),
        (3, [("scheduled", "SystemExit: 4")]),
    ],
)
def test_what_is_raised_there_ends_the_job_as_it_would_here(
    auto: Connection, rows: Rows, drain: Callable[..., Counts], n: int, found: list[tuple[str, str]]
) -> None:
    enqueue(auto, elsewhere.raising, {"n": n})
    with suppress(AssertionError):
        assert drain(elsewhere.raising).failed >= 1
    rows("UPDATE mesh.jobs SET run_at = now() + interval '1 hour'")
    assert rows(
        "SELECT 'scheduled', errors -> 0 ->> 'error' FROM mesh.jobs UNION ALL "
        "SELECT 'dead', errors -> 0 ->> 'error' FROM mesh.dead_jobs"
    ) in (found, [("dead", found[0][1])])


def test_a_handler_that_takes_its_process_along_has_failed_and_harms_no_other(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    enqueue(auto, elsewhere.dying, {"n": 5}, max_attempts=1)
    enqueue(auto, elsewhere.twice, {"n": 1})
    counts = drain(elsewhere.dying, elsewhere.twice)
    assert (counts.completed, counts.failed) == (1, 1)
    assert rows("SELECT reason, errors -> 0 ->> 'error' FROM mesh.dead_jobs") == [
        ("exhausted", "the handler's process ended with exit code 3")
    ]


def test_a_process_that_is_killed_has_failed_its_job_which_runs_again(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    enqueue(auto, elsewhere.stuck, {})
    with working(settings, elsewhere.stuck):
        eventually(lambda: len(rows(RUNNING)) == 2)
        os.kill(rows(RUNNING)[1][0], signal.SIGKILL)
        eventually(lambda: rows("SELECT errors -> 0 ->> 'error' FROM mesh.jobs"))
        assert rows("SELECT errors -> 0 ->> 'error' FROM mesh.jobs") == [("the handler's process ended by SIGKILL",)]
        os.kill(rows(RUNNING)[0][0], signal.SIGKILL)


def test_a_process_is_killed_when_its_time_is_over(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    enqueue(auto, elsewhere.stuck_briefly, {}, max_attempts=1)
    enqueue(auto, elsewhere.twice, {"n": 1})
    counts = drain(elsewhere.stuck_briefly, elsewhere.twice, concurrency=1)
    assert (counts.completed, counts.failed) == (1, 1)
    assert rows("SELECT errors -> 0 ->> 'error' FROM mesh.dead_jobs") == [("timed out after 0.3 s",)]
    eventually(lambda: gone(rows(RUNNING)[0][0]))


def test_a_hard_stop_kills_a_process_with_all_that_it_started_and_gives_its_job_back(
    auto: Connection, rows: Rows, settings: Settings
) -> None:
    enqueue(auto, elsewhere.stuck, {})
    with working(settings, elsewhere.stuck) as worker:
        eventually(lambda: len(rows(RUNNING)) == 2)
    assert worker.counts.released == 1
    assert rows("SELECT status, attempts, rescues FROM mesh.jobs") == [("pending", 0, 0)]
    eventually(lambda: all(gone(pid) for (pid,) in rows(RUNNING)))


def test_the_processes_of_a_killed_worker_end_with_it(
    auto: Connection, rows: Rows, start_worker: Callable[..., WorkerProcess]
) -> None:
    enqueue(auto, elsewhere.stuck, {})
    worker = start_worker()
    eventually(lambda: len(rows(RUNNING)) == 2)
    worker.send(signal.SIGKILL)
    eventually(lambda: all(gone(pid) for (pid,) in rows(RUNNING)))


def test_effects_there_happen_once_with_the_completion(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    enqueue(auto, elsewhere.paid, {})
    assert drain(elsewhere.paid).completed == 1
    assert rows("SELECT result, (SELECT count(*) FROM effects) FROM mesh.history") == [({"paid": True}, 1)]


def test_a_handler_that_a_process_cannot_find_says_so(
    auto: Connection, rows: Rows, drain: Callable[..., Counts]
) -> None:
    @job("hidden", isolation="process")
    def hidden(_payload: dict[str, Any], _context: Any) -> None:
        """It is no name of its module."""

    enqueue(auto, hidden, {}, max_attempts=1)
    assert drain(hidden).failed == 1
    ((error,),) = rows("SELECT errors -> 0 ->> 'error' FROM mesh.dead_jobs")
    assert "has no handler of the type hidden" in error


def loaded(_settings: Settings) -> dict[str, Handler]:
    return by_type([replace(elsewhere.twice, job_type="loaded")])


def test_a_process_finds_handlers_as_it_is_told_to(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    handler = replace(elsewhere.twice, job_type="loaded")
    enqueue(auto, handler, {"n": 4})
    assert drain(handler, load=loaded).completed == 1
    assert rows("SELECT result ->> 'twice' FROM mesh.history") == [("8",)]


def test_an_isolation_or_timeout_that_cannot_be_is_refused() -> None:
    with pytest.raises(HandlerError, match="thread or process"):
        job("x", isolation="planet")  # type: ignore[arg-type]
