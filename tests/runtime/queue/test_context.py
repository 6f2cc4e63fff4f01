"""What handlers say of their progress, and what they learn of the jobs that they waited for."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.workers import QUICK, working

from mesh_runtime.errors import Permanent, Snooze
from mesh_runtime.queue import Handler, JobContext, Worker, by_type, enqueue, job

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.queue import Counts
    from mesh_runtime.settings import Settings

Connection = psycopg.Connection[Any]
PROGRESS = "SELECT job_id, round(fraction::numeric, 2)::float8, note FROM mesh.job_progress"


@pytest.fixture
def drain(settings: Settings, auto: Connection) -> Callable[..., Counts]:
    del auto

    def run(*handlers: Handler, **options: Any) -> Counts:
        return Worker(settings, by_type(handlers), timing=QUICK, **options).run_until_empty()

    return run


def test_others_see_the_progress_of_a_running_job(auto: Connection, rows: Rows, settings: Settings) -> None:
    goes_on = threading.Event()

    @job("steps")
    def steps(_payload: dict[str, Any], context: JobContext) -> None:
        for n in range(500):
            context.progress(n / 1000, f"step {n}")  # but for the first, they come too soon to be written
        context.progress(1, "nearly done")
        goes_on.wait(10)

    wanted = enqueue(auto, steps, {})
    with working(settings, steps):
        eventually(lambda: rows(PROGRESS) == [(wanted, 1.0, "nearly done")])
        goes_on.set()
        eventually(lambda: rows("SELECT count(*) FROM mesh.history") == [(1,)])
    assert rows(PROGRESS) == []


def test_an_async_handler_says_its_progress_too(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    @job("steps")
    async def steps(_payload: dict[str, Any], context: JobContext) -> dict[str, object]:
        await context.progress_async(0.5)
        return {"seen": rows(PROGRESS)[0][1:]}

    enqueue(auto, steps, {})
    assert drain(steps).completed == 1
    assert rows("SELECT result FROM mesh.history") == [({"seen": [0.5, None]},)]


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_progress_that_cannot_be_fails_the_job(
    auto: Connection, rows: Rows, drain: Callable[..., Counts], fraction: float
) -> None:
    @job("steps")
    def steps(_payload: dict[str, Any], context: JobContext) -> None:
        context.progress(fraction)

    enqueue(auto, steps, {}, max_attempts=1)
    assert drain(steps).failed == 1
    assert "between 0 and 1" in rows("SELECT errors -> 0 ->> 'error' FROM mesh.dead_jobs")[0][0]


def test_a_job_gets_the_results_of_those_that_it_waited_for(auto: Connection, drain: Callable[..., Counts]) -> None:
    @job("part")
    def part(payload: dict[str, Any], _context: JobContext) -> dict[str, object] | None:
        if payload["n"] == 2:
            raise Permanent("there is no second part")
        return None if payload["n"] == 1 else payload

    found: list[dict[UUID, Any]] = []

    @job("whole")
    def whole(_payload: dict[str, Any], context: JobContext) -> None:
        found.append(context.parent_results())

    @job("whole_async")
    async def whole_async(_payload: dict[str, Any], context: JobContext) -> None:
        found.append(await context.parent_results_async())

    parts = [enqueue(auto, part, {"n": n}) for n in range(3)]
    for handler in (whole, whole_async):
        enqueue(auto, handler, {}, after=parts, after_any=True)
    enqueue(auto, whole, {})
    drain(part, whole, whole_async)
    assert sorted(found, key=len) == [{}, *[{parts[0]: {"n": 0}, parts[1]: None}] * 2]


def test_a_snoozed_job_has_not_failed(auto: Connection, rows: Rows, drain: Callable[..., Counts]) -> None:
    @job("early")
    async def early(_payload: dict[str, Any], _context: JobContext) -> None:
        raise Snooze(timedelta(hours=1))

    enqueue(auto, early, {}, max_attempts=1)
    counts = drain(early)
    assert (counts.failed, counts.released) == (0, 1)
    assert rows("SELECT status, attempts, errors, run_at > now() + interval '59 minutes' FROM mesh.jobs") == [
        ("scheduled", 0, None, True)
    ]
