"""The helpers that mesh ships for tests of jobs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from tests.runtime.queue.steps import assert_sound

from mesh_runtime.errors import Permanent, Snooze
from mesh_runtime.queue import Gate, HandlerError, JobContext, NewJob, PayloadError, enqueue, enqueue_many, job
from mesh_runtime.testing import JobDidNotCompleteError, Jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from mesh_runtime.settings import Settings


class Greet(BaseModel):
    name: str


@job("greet", payload=Greet)
def greet(payload: Greet, context: JobContext) -> dict[str, object]:
    return {"text": f"hello {payload.name}", "attempt": context.job.attempt}


@job("greet_later", payload=Greet)
async def greet_later(payload: Greet, context: JobContext) -> dict[str, object]:
    del context
    return {"text": f"later, {payload.name}"}


@job("greet_once", payload=Greet)
def greet_once(payload: Greet, context: JobContext) -> None:
    with context.connect() as connection:
        enqueue(connection, greet, payload)
        context.complete(connection, {"once": True})


@job("fail")
def fail(payload: dict[str, Any], context: JobContext) -> None:
    del context
    raise {"permanent": Permanent("never"), "snooze": Snooze(timedelta(hours=1))}.get(payload["how"], KeyError("how"))


@job("slow", timeout=timedelta(milliseconds=50))
async def slow(payload: dict[str, Any], context: JobContext) -> None:
    del payload, context
    await asyncio.sleep(10)


@job("apart", isolation="process")
def apart(payload: dict[str, Any], context: JobContext) -> dict[str, object]:
    del context
    return {"n": payload["n"]}


HANDLERS = (greet, greet_later, greet_once, fail, slow, apart)


@pytest.fixture
def queue(settings: Settings, connection: psycopg.Connection[Any]) -> Iterator[Jobs]:
    yield Jobs(settings, connection, HANDLERS)
    connection.commit()

    def rows(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return connection.execute(sql.encode(), parameters).fetchall()

    assert_sound(rows)


def test_a_job_runs_inline_and_returns_its_result(queue: Jobs) -> None:
    assert queue.run(greet, {"name": "you"}) == {"text": "hello you", "attempt": 1}
    assert queue.run("greet_later", Greet(name="me")) == {"text": "later, me"}
    assert queue.run(apart, {"n": 3}) == {"n": 3}
    assert queue.waiting() == []


def test_only_that_job_runs_even_if_it_is_for_later_or_blocked(
    queue: Jobs, connection: psycopg.Connection[Any]
) -> None:
    enqueue(connection, greet, {"name": "other"})
    gate = Gate("narrow", most_running=1)
    enqueue(connection, greet, {"name": "first"}, gate=gate)
    assert queue.run(greet, {"name": "late"}, delay=timedelta(days=1)) is not None
    assert queue.run(greet, {"name": "gated"}, gate=gate) is not None
    assert [waiting.payload["name"] for waiting in queue.waiting()] == ["other", "first"]
    assert queue.drain().completed == 2


def test_what_the_handler_raises_reaches_the_test_and_fails_the_job(
    queue: Jobs, connection: psycopg.Connection[Any]
) -> None:
    with pytest.raises(KeyError):
        queue.run(fail, {"how": "somehow"})
    assert queue.assert_enqueued(fail).state == "scheduled", "it is retried"
    with pytest.raises(Permanent):
        queue.run(fail, {"how": "permanent"})
    assert connection.execute("SELECT reason FROM mesh.dead_jobs").fetchall() == [("permanent",)]
    with pytest.raises(Snooze):
        queue.run(fail, {"how": "snooze"})
    queue.assert_enqueued(fail, {"how": "snooze"})


def test_a_job_that_times_out_is_an_error_of_the_test(queue: Jobs) -> None:
    with pytest.raises(JobDidNotCompleteError, match="timed out"):
        queue.run(slow, {})


def test_a_payload_that_the_model_refuses_or_a_type_without_handler_is_refused(queue: Jobs) -> None:
    with pytest.raises(PayloadError):
        queue.run(greet, {"nobody": 1})
    with pytest.raises(HandlerError, match="unheard_of"):
        queue.run("unheard_of", {})


def test_a_transactional_handler_completes_itself(queue: Jobs) -> None:
    assert queue.run(greet_once, {"name": "you"}) == {"once": True}
    queue.assert_enqueued(greet, {"name": "you"}, count=1)


def test_what_was_enqueued_is_asserted_before_it_is_committed(queue: Jobs, connection: psycopg.Connection[Any]) -> None:
    enqueue(connection, greet, {"name": "you"}, delay=timedelta(minutes=5), user_id="7", unique_key="k")
    found = queue.assert_enqueued(greet, {"name": "you"}, user_id="7", delay=timedelta(minutes=5), unique_key="k")
    assert found.state == "scheduled"
    queue.assert_not_enqueued(greet, {"name": "me"})
    queue.assert_not_enqueued(greet_later)
    connection.rollback()
    queue.assert_not_enqueued(greet)


def test_an_assertion_that_fails_shows_what_waits(queue: Jobs, connection: psycopg.Connection[Any]) -> None:
    enqueue(connection, greet, {"name": "you"})
    with pytest.raises(AssertionError, match=r"(?s)0 jobs of type greet .*'name': 'me'.*there are:.*'name': 'you'"):
        queue.assert_enqueued(greet, {"name": "me"})
    with pytest.raises(AssertionError, match=r"1 jobs .* not 2"):
        queue.assert_enqueued(greet, count=2)
    with pytest.raises(AssertionError, match="none of that type waits"):
        queue.assert_enqueued(greet_later)
    with pytest.raises(AssertionError, match="greet waits"):
        queue.assert_not_enqueued(greet)


def test_drain_runs_what_may_run_and_what_comes_of_it(queue: Jobs, connection: psycopg.Connection[Any]) -> None:
    first = NewJob(job_type=greet_once, payload={"name": "you"})
    enqueue_many(connection, [first, NewJob(job_type=greet, payload={"name": "child"}, after=[first])])
    enqueue(connection, greet, {"name": "later"}, delay=timedelta(hours=1))
    enqueue(connection, fail, {"how": "permanent"})
    counts = queue.drain()
    assert (counts.completed, counts.failed) == (3, 1)
    assert [waiting.payload["name"] for waiting in queue.waiting()] == ["later"]


def test_time_travel_makes_jobs_due(queue: Jobs, connection: psycopg.Connection[Any]) -> None:
    enqueue(connection, greet, {"name": "later"}, delay=timedelta(hours=2))
    queue.travel(timedelta(minutes=90))
    assert queue.drain().completed == 0
    queue.travel(timedelta(minutes=30))
    assert queue.assert_enqueued(greet, delay=timedelta(hours=2)).state == "pending"
    assert queue.drain().completed == 1


def test_time_travel_ends_windows_of_keys_and_refills_rates(queue: Jobs, connection: psycopg.Connection[Any]) -> None:
    first = enqueue(connection, greet, {"name": "a"}, unique_key="k", unique_for=timedelta(days=1))
    assert enqueue(connection, greet, {"name": "b"}, unique_key="k") == first
    gate = Gate("rate", rate=1 / 3600, burst=1)
    for name in ("one", "two"):
        enqueue(connection, greet_later, {"name": name}, gate=gate)
    assert queue.drain().completed == 2
    queue.travel(timedelta(days=1))
    assert enqueue(connection, greet, {"name": "b"}, unique_key="k") != first
    assert queue.drain().completed == 2


def test_time_travel_fires_schedules_once_for_what_was_missed(queue: Jobs, connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT mesh.set_schedule('hello', 'greet', '30 3 * * *', payload => '{\"name\": \"cron\"}')")
    for _ in range(3):
        queue.travel(timedelta(days=1))
        queue.assert_enqueued(greet, {"name": "cron"}, count=1)
        assert queue.drain().completed == 1
    queue.travel(timedelta(days=7))
    assert queue.drain().completed == 1
    fired = connection.execute("SELECT count(*), count(DISTINCT fire_at) FROM mesh.schedule_runs").fetchone()
    assert fired == (4, 4)


def test_time_goes_one_way(queue: Jobs) -> None:
    with pytest.raises(ValueError, match="forwards"):
        queue.travel(timedelta(hours=-1))


def test_the_fixture_has_the_projects_handlers(jobs: Jobs) -> None:
    assert "build_taste_vector" in jobs.handlers
    assert jobs.drain().completed == 0


async def _inside(queue: Jobs) -> None:
    assert await queue.run_async(greet, {"name": str(uuid4())}) is not None
    assert (await queue.drain_async()).completed == 0


def test_an_async_test_runs_jobs_in_its_own_loop(queue: Jobs) -> None:
    asyncio.run(_inside(queue))
