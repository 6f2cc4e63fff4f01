from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.runtime.queue.steps import TYPE, bury, claim, complete, enqueue, fail, hurry, release, rescue, state

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")


def cancel(rows: Rows, *ids: UUID) -> list[str]:
    answers = dict(rows("SELECT id, outcome FROM mesh.cancel_jobs(%s)", list(ids)))  # type: ignore[arg-type]
    return [str(answers[job_id]) for job_id in ids]


def test_each_job_is_told_what_becomes_of_it(rows: Rows, worker_id: str) -> None:
    running = enqueue(rows)
    claim(rows, worker_id)
    dead = enqueue(rows)
    bury(rows, worker_id)
    done = enqueue(rows)
    complete(rows, *claim(rows, worker_id))
    pending, scheduled = enqueue(rows), enqueue(rows, delay="1 hour")
    blocked = enqueue(rows, after=[running])
    told = cancel(rows, pending, scheduled, blocked, running, done, dead, uuid4())
    assert told == ["cancelled", "cancelled", "cancelled", "requested", "ended", "ended", "unknown"]
    assert {state(rows, job) for job in (pending, scheduled, blocked)} == {"cancelled"}
    assert state(rows, running) == "running"
    assert rows("SELECT cancel_requested FROM mesh.job_state(%s)", running) == [(True,)]
    assert cancel(rows, pending) == ["ended"]


def test_a_cancelled_job_frees_its_key(rows: Rows) -> None:
    first = enqueue(rows, unique_key="k")
    cancel(rows, first)
    assert enqueue(rows, unique_key="k") != first


def test_workers_are_notified_only_of_jobs_that_run(rows: Rows, worker_id: str, database_url: str) -> None:
    waiting, running = enqueue(rows, delay="1 hour"), enqueue(rows)
    claim(rows, worker_id)
    with connect(database_url, autocommit=True) as listener:
        listener.execute("LISTEN mesh_control")
        cancel(rows, waiting)
        assert list(listener.notifies(timeout=0.2)) == []
        cancel(rows, running)
        assert [notice.channel for notice in listener.notifies(timeout=5, stop_after=1)] == ["mesh_control"]


@pytest.mark.parametrize(
    ("leave", "end"),
    [
        (lambda rows, token, ids: rows("SELECT mesh.cancel_leased(%s, %s)", token, ids), "cancelled"),
        (lambda rows, token, ids: fail(rows, token, ids), "cancelled"),
        (lambda rows, token, ids: fail(rows, token, ids, reason="permanent"), "cancelled"),
        (lambda rows, token, ids: release(rows, token, ids), "cancelled"),
        (lambda rows, token, ids: release(rows, token, ids, "1 hour"), "cancelled"),
        (lambda rows, *_: rescue(rows), "cancelled"),
        (lambda rows, token, ids: complete(rows, token, ids), "completed"),
    ],
)
def test_a_running_job_that_is_to_end_comes_back_in_no_way(
    rows: Rows, worker_id: str, leave: Callable[[Rows, int, list[UUID]], object], end: str
) -> None:
    parent = enqueue(rows, unique_key="k")
    child = enqueue(rows, after=[parent])
    token, ids = claim(rows, worker_id)
    assert cancel(rows, parent) == ["requested"]
    leave(rows, token, ids)
    assert state(rows, parent) == end
    assert state(rows, child) == ("pending" if end == "completed" else "cancelled")
    assert rows("SELECT count(*) FROM mesh.cancellations") == [(0,)]


def test_only_the_jobs_that_were_asked_for_are_cancelled_as_a_batch_goes_back(rows: Rows, worker_id: str) -> None:
    jobs = [enqueue(rows) for _ in range(4)]
    token, ids = claim(rows, worker_id)
    cancel(rows, jobs[1])
    release(rows, token, ids)
    assert [state(rows, job) for job in jobs] == ["pending", "cancelled", "pending", "pending"]


def test_a_stale_worker_cannot_cancel(rows: Rows, worker_id: str) -> None:
    enqueue(rows)
    token, ids = claim(rows, worker_id)
    rescue(rows)
    assert rows("SELECT mesh.cancel_leased(%s, %s)", token, ids) == [(0,)]


def test_a_cancel_that_races_a_completion_leaves_nothing(rows: Rows, worker_id: str, database_url: str) -> None:
    job = enqueue(rows)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as ender:
        ender.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids))
        assert cancel(rows, job) == ["requested"], "it runs for all who can know"
        ender.commit()
    assert state(rows, job) == "completed"
    rows("UPDATE mesh.cancellations SET requested_at = requested_at - interval '1 minute'")
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.cancellations") == [(0,)]


@pytest.mark.parametrize("way", ["release", "fail"])
def test_a_cancel_that_races_a_return_to_the_queue_cancels_the_job_there(
    rows: Rows, worker_id: str, database_url: str, way: str
) -> None:
    job = enqueue(rows)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as ender:
        if way == "release":
            ender.execute("SELECT mesh.release_jobs(%s, %s)", (token, ids))
        else:
            ender.execute("SELECT mesh.fail_jobs(%s, %s)", (token, json.dumps([{"id": str(job)}])))
        assert cancel(rows, job) == ["requested"]
        ender.commit()
    rows("UPDATE mesh.cancellations SET requested_at = requested_at - interval '1 minute'")
    rows("SELECT mesh.tick()")
    assert state(rows, job) == "cancelled"


def test_a_request_for_a_job_that_runs_on_stays(rows: Rows, worker_id: str) -> None:
    job = enqueue(rows)
    claim(rows, worker_id)
    cancel(rows, job)
    rows("UPDATE mesh.cancellations SET requested_at = requested_at - interval '1 minute'")
    rows("SELECT mesh.tick()")
    assert rows("SELECT job_id FROM mesh.cancellations") == [(job,)]


def test_a_cancel_waits_for_a_claim_in_progress(rows: Rows, worker_id: str, database_url: str) -> None:
    job = enqueue(rows)
    with connect(database_url) as claimer:
        claimer.execute("SELECT * FROM mesh.claim_batch(%s, %s, 1)", (worker_id, [TYPE]))
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(cancel(rows, job)))
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        claimer.commit()
        thread.join()
    assert answers == [["requested"]]


def test_a_job_that_backs_off_can_be_hurried(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.define_gate('a', 1)")
    job, gated, pending = enqueue(rows), enqueue(rows, gate="a", delay="1 hour"), enqueue(rows)
    token, ids = claim(rows, worker_id, most=1)
    fail(rows, token, ids, retry_after=3600)
    assert rows("SELECT mesh.retry_jobs(%s)", [job, gated, pending, uuid4()]) == [(2,)]
    assert {state(rows, one) for one in (job, gated, pending)} == {"pending"}
    assert rows("SELECT mesh.retry_jobs(%s)", [job]) == [(0,)]
    assert rows("SELECT mesh.retry_jobs(NULL)") == [(0,)]
    hurry(rows)
