from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from tests.runtime.queue.steps import bury, claim, complete, enqueue, fail, release, rescue, state

if TYPE_CHECKING:
    from uuid import UUID

    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")


def say(rows: Rows, job_id: UUID, token: int, fraction: float | None, note: str | None = None) -> bool:
    return bool(rows("SELECT mesh.set_progress(%s, %s, %s::real, %s)", job_id, token, fraction, note)[0][0])


def test_a_running_job_says_how_far_it_is(rows: Rows, worker_id: str) -> None:
    job = enqueue(rows)
    token, _ = claim(rows, worker_id)
    assert say(rows, job, token, 0.25)
    assert say(rows, job, token, 0.5, "half of it")
    assert rows("SELECT state, progress, note FROM mesh.job_state(%s)", job) == [("running", 0.5, "half of it")]
    with pytest.raises(psycopg.errors.CheckViolation):
        say(rows, job, token, 1.5)


def test_progress_ends_with_the_attempt(rows: Rows, worker_id: str) -> None:
    jobs = [enqueue(rows) for _ in range(5)]
    token, ids = claim(rows, worker_id)
    for job in jobs:
        assert say(rows, job, token, 0.5)
    complete(rows, token, ids[:1])
    fail(rows, token, ids[1:2], reason="permanent")
    fail(rows, token, ids[2:3])
    release(rows, token, ids[3:4])
    rescue(rows)
    assert rows("SELECT count(*) FROM mesh.job_progress") == [(0,)]


def test_who_holds_the_job_no_longer_is_refused(rows: Rows, worker_id: str) -> None:
    jobs = [enqueue(rows), enqueue(rows)]
    token, ids = claim(rows, worker_id)
    complete(rows, token, ids[:1])
    assert not say(rows, jobs[0], token, 0.5), "it has left the lease"
    assert not say(rows, uuid4(), token, 0.5)
    rescue(rows)
    assert not say(rows, jobs[1], token, 0.5)


def test_a_job_is_found_wherever_it_is(rows: Rows, worker_id: str) -> None:
    job = enqueue(rows, unique_key="k", user_id="u")
    assert rows("SELECT state, unique_key, user_id, started_at IS NULL FROM mesh.job_state(%s)", job) == [
        ("pending", "k", "u", True)
    ]
    token, ids = claim(rows, worker_id)
    assert rows("SELECT state, lease_token, owner FROM mesh.job_state(%s)", job) == [("running", token, "test")]
    rows("SELECT mesh.complete_jobs(%s, %s, %s::jsonb[])", token, ids, ['{"x": 1}'])
    found = "SELECT state, result, unique_key, attempts, ended_at >= started_at FROM mesh.job_state(%s)"
    assert rows(found, job) == [("completed", {"x": 1}, "k", 1, True)]
    other = enqueue(rows)
    bury(rows, worker_id)
    assert rows("SELECT state, reason FROM mesh.job_state(%s)", other) == [("dead", "permanent")]
    assert state(rows, uuid4()) is None
