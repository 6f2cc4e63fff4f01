"""What holds for every job holds whoever runs it: threads, the event loop, processes, callers over RPC."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from tests.runtime.queue.conformance.callers import Caller, RpcCaller, WorkerCaller
from tests.runtime.queue.conformance.handlers import (
    EFFECT,
    MAY_END,
    NOTE,
    STARTED,
    in_loop,
    in_process,
    in_thread,
    payload,
)
from tests.runtime.queue.conftest import eventually
from tests.runtime.queue.steps import hurry

from mesh_runtime.queue import enqueue

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg
    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.settings import Settings

CALLERS = (
    WorkerCaller("thread", in_thread),
    WorkerCaller("async", in_loop),
    WorkerCaller("process", in_process),
    RpcCaller(),
)
MORE = CALLERS[:3]
"""Those that can say more of a job than that it completed or failed."""
PATIENCE = 30
LOST = """
UPDATE mesh.workers SET expires_at = clock_timestamp() - interval '1 second';
UPDATE mesh.leases SET expires_at = clock_timestamp() - interval '1 second' WHERE expires_at IS NOT NULL;
"""

pytestmark = pytest.mark.usefixtures("sound")
every = pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
with_more_to_say = pytest.mark.parametrize("caller", MORE, ids=lambda caller: caller.name)


class Put(Protocol):
    """Enqueues a job for the caller."""

    def __call__(self, do: str, **options: Any) -> UUID: ...


@pytest.fixture
def put(auto: psycopg.Connection[Any], caller: Caller) -> Put:
    auto.execute("SELECT mesh.register_job_types(%s)", ([caller.job_type],))
    return lambda do, n=0, **options: enqueue(auto, caller.job_type, payload(do, n), **options)


def state(rows: Rows, job_id: UUID) -> str:
    return str(rows("SELECT state FROM mesh.job_state(%s)", job_id)[0][0])


def becomes(rows: Rows, job_id: UUID, wanted: str) -> dict[str, Any]:
    """Wait for the state; returns what is known of the job then."""
    eventually(lambda: state(rows, job_id) == wanted, PATIENCE)
    return dict(rows("SELECT to_jsonb(s) FROM mesh.job_state(%s) AS s", job_id)[0][0])


def noted(rows: Rows, job_id: UUID, what: int) -> int:
    return int(rows("SELECT count(*) FROM effects WHERE job_id = %s AND pid = %s", job_id, what)[0][0])


@every
def test_a_job_completes_with_its_result(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    wanted = put("return", n=7)
    with caller.running(settings) as refused:
        found = becomes(rows, wanted, "completed")
    assert (found["result"], found["attempts"]) == ({"n": 7, "attempt": 1}, 1)
    assert refused == []


@every
def test_a_failed_job_is_retried_and_completes(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    wanted = put("once")
    with caller.running(settings):
        eventually(lambda: state(rows, wanted) in ("scheduled", "completed"), PATIENCE)
        hurry(rows)
        found = becomes(rows, wanted, "completed")
    assert found["result"]["attempt"] == 2
    assert [entry["error"] for entry in found["errors"]] == ["ValueError: boom"]


@every
def test_a_job_whose_attempts_are_used_is_a_dead_letter(
    rows: Rows, settings: Settings, caller: Caller, put: Put
) -> None:
    wanted = put("raise", max_attempts=1)
    with caller.running(settings):
        found = becomes(rows, wanted, "dead")
    assert (found["reason"], found["attempts"]) == ("exhausted", 1)
    assert found["errors"][0]["error"] == "ValueError: boom"


@every
def test_an_effect_and_the_completion_are_one_transaction(
    rows: Rows, settings: Settings, caller: Caller, put: Put
) -> None:
    wanted = put("complete")
    with caller.running(settings):
        found = becomes(rows, wanted, "completed")
    assert found["result"] == {"itself": True}
    assert noted(rows, wanted, EFFECT) == 1


@every
def test_a_lease_that_was_lost_ends_nothing(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    wanted = put("hold")
    with caller.running(settings) as refused:
        eventually(lambda: noted(rows, wanted, STARTED) == 1, PATIENCE)
        first = becomes(rows, wanted, "running")["lease_token"]
        rows(LOST)
        rows("SELECT mesh.tick()")
        eventually(lambda: noted(rows, wanted, STARTED) == 2, PATIENCE)
        rows(NOTE, wanted, MAY_END)
        found = becomes(rows, wanted, "completed")
        if isinstance(caller, RpcCaller):
            eventually(lambda: refused, PATIENCE)
    assert found["lease_token"] > first
    assert found["rescues"] == 1
    assert found["attempts"] == 1, "a rescue is no attempt"
    assert rows("SELECT count(*) FROM mesh.history") == [(1,)]


@every
def test_a_job_that_waits_is_cancelled_at_once(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    wanted = put("return", delay=timedelta(milliseconds=100))
    assert rows("SELECT outcome FROM mesh.cancel_jobs(%s)", [wanted]) == [("cancelled",)]
    other = put("return", delay=timedelta(milliseconds=200))
    with caller.running(settings):
        becomes(rows, other, "completed")
    assert state(rows, wanted) == "cancelled"
    assert noted(rows, wanted, STARTED) == 0


@every
def test_a_job_that_runs_is_stopped_and_ends_cancelled(
    rows: Rows, settings: Settings, caller: Caller, put: Put
) -> None:
    wanted = put("hold")
    with caller.running(settings):
        eventually(lambda: noted(rows, wanted, STARTED) == 1, PATIENCE)
        assert rows("SELECT outcome FROM mesh.cancel_jobs(%s)", [wanted]) == [("requested",)]
        becomes(rows, wanted, "cancelled")
        becomes(rows, put("return"), "completed")
    assert noted(rows, wanted, STARTED) == 1


@every
def test_jobs_of_a_paused_type_wait(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    rows("UPDATE mesh.job_types SET paused = true WHERE name = %s", caller.job_type)
    wanted = put("return")
    with caller.running(settings):
        rows("SELECT pg_sleep(0.5)")
        assert state(rows, wanted) == "pending"
        rows("UPDATE mesh.job_types SET paused = false")
        becomes(rows, wanted, "completed")


@every
def test_two_jobs_of_a_gate_for_one_run_one_after_the_other(
    rows: Rows, settings: Settings, caller: Caller, put: Put
) -> None:
    rows("SELECT mesh.define_gate('narrow', 1)")
    first, second = put("hold", gate="narrow"), put("hold", gate="narrow")
    with caller.running(settings):
        eventually(lambda: noted(rows, first, STARTED) == 1, PATIENCE)
        assert state(rows, second) == "blocked"
        rows(NOTE, second, MAY_END)
        rows(NOTE, first, MAY_END)
        becomes(rows, second, "completed")
    assert state(rows, first) == "completed"


@with_more_to_say
def test_a_permanent_failure_is_a_dead_letter_at_once(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    wanted = put("permanent")
    with caller.running(settings):
        found = becomes(rows, wanted, "dead")
    assert (found["reason"], found["attempts"], found["errors"][0]["error"]) == ("permanent", 1, "never")


@with_more_to_say
@pytest.mark.parametrize(("do", "attempts"), [("retry_after", 1), ("snooze", 0)])
def test_a_handler_says_for_how_long_to_wait(
    rows: Rows, settings: Settings, caller: Caller, put: Put, do: str, attempts: int
) -> None:
    wanted = put(do)
    with caller.running(settings):
        found = becomes(rows, wanted, "scheduled")
    assert found["attempts"] == attempts
    assert rows("SELECT run_at > now() + interval '1 hour' FROM mesh.jobs") == [(True,)]


@with_more_to_say
def test_an_attempt_that_takes_too_long_has_failed(rows: Rows, settings: Settings, caller: Caller, put: Put) -> None:
    wanted = put("hold", timeout=timedelta(milliseconds=300), max_attempts=1)
    with caller.running(settings):
        found = becomes(rows, wanted, "dead")
        rows(NOTE, wanted, MAY_END)  # a thread goes on nevertheless
    assert "timed out after 0.3 s" in found["errors"][0]["error"]


@with_more_to_say
def test_a_payload_that_the_handler_cannot_read_is_a_dead_letter(
    rows: Rows, settings: Settings, caller: Caller, put: Put, auto: psycopg.Connection[Any]
) -> None:
    del put  # makes the type known
    wanted = enqueue(auto, caller.job_type, {"do": ["not", "text"]})
    with caller.running(settings):
        found = becomes(rows, wanted, "dead")
    assert found["reason"] == "unreadable"
    assert noted(rows, wanted, STARTED) == 0
