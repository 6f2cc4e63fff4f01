from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.runtime.queue.steps import bury, claim, complete, enqueue, fail, rescue, state

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from uuid import UUID

    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")


def redrive(rows: Rows, *ids: UUID) -> list[str]:
    answers = dict(rows("SELECT id, outcome FROM mesh.redrive_jobs(%s)", list(ids)))  # type: ignore[arg-type]
    return [str(answers[job_id]) for job_id in ids]


def test_a_dead_letter_begins_anew_and_keeps_its_errors(rows: Rows, worker_id: str) -> None:
    job = enqueue(rows, payload='{"n": 1}', priority=7, max_attempts=2, user_id="u", timeout_ms=5000)
    rows('UPDATE mesh.jobs SET attempts = 1, rescues = 3, errors = \'[{"error": "old"}]\'')
    fail(rows, *claim(rows, worker_id))
    alive = enqueue(rows)
    assert redrive(rows, job, alive, lost := uuid4()) == ["redriven", "unknown", "unknown"]
    found = "SELECT state, payload, priority, max_attempts, user_id, timeout_ms FROM mesh.job_state(%s)"
    assert rows(found, job) == [("pending", {"n": 1}, 7, 2, "u", 5000)]
    found = "SELECT attempts, rescues, errors -> 0 ->> 'error', errors -> 1 ->> 'error' FROM mesh.job_state(%s)"
    assert rows(found, job) == [(0, 0, "old", "boom")]
    assert redrive(rows, job, lost) == ["unknown", "unknown"]
    token, ids = claim(rows, worker_id, most=1)
    assert (ids, complete(rows, token, ids)) == ([job], 1)


def test_a_dead_letter_whose_key_was_taken_meanwhile_stays(rows: Rows, worker_id: str) -> None:
    dead = enqueue(rows, unique_key="k")
    bury(rows, worker_id)
    newer = enqueue(rows, unique_key="k")
    assert newer != dead
    assert redrive(rows, dead) == ["key_taken"]
    assert state(rows, dead) == "dead"
    complete(rows, *claim(rows, worker_id))
    assert redrive(rows, dead) == ["redriven"]
    assert enqueue(rows, unique_key="k") == dead, "it has its key again"


def test_a_dead_letter_with_a_window_may_have_its_own_key(rows: Rows, worker_id: str) -> None:
    dead = enqueue(rows, unique_key="k", unique_for="1 hour")
    bury(rows, worker_id)
    assert enqueue(rows, unique_key="k") == dead
    assert redrive(rows, dead) == ["redriven"]


def test_a_debounced_dead_letter_stays_while_another_of_its_key_waits(rows: Rows, worker_id: str) -> None:
    dead = enqueue(rows, debounce_key="k")
    bury(rows, worker_id)
    enqueue(rows, debounce_key="k")
    assert redrive(rows, dead) == ["key_taken"]
    token, ids = claim(rows, worker_id)
    assert redrive(rows, dead) == ["redriven"]
    assert claim(rows, worker_id)[1] == [], "one at a time"
    complete(rows, token, ids)
    assert claim(rows, worker_id)[1] == [dead]


def test_children_that_were_cancelled_stay_so(rows: Rows, worker_id: str) -> None:
    parent = enqueue(rows)
    child = enqueue(rows, after=[parent])
    bury(rows, worker_id)
    redrive(rows, parent)
    assert state(rows, child) == "cancelled"


def test_a_letter_is_redriven_once_by_two_at_a_time(rows: Rows, worker_id: str, database_url: str) -> None:
    jobs = [enqueue(rows) for _ in range(50)]
    token, ids = claim(rows, worker_id, most=50)
    fail(rows, token, ids, reason="permanent")
    told: list[str] = []

    def run(order: list[UUID]) -> None:
        with connect(database_url, autocommit=True) as connection:
            told.extend(row[0] for row in connection.execute("SELECT outcome FROM mesh.redrive_jobs(%s)", (order,)))

    threads = [threading.Thread(target=run, args=(order,)) for order in (jobs, jobs[::-1], jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["redriven"] * 50 + ["unknown"] * 100


def test_purged_letters_are_counted(rows: Rows, worker_id: str) -> None:
    for _ in range(3):
        enqueue(rows)
        bury(rows, worker_id)
    letters = [row[0] for row in rows("SELECT id FROM mesh.dead_jobs")]
    assert rows("SELECT mesh.purge_dead(%s)", [*letters[:2], uuid4()]) == [(2,)]
    assert rows("SELECT mesh.purge_dead('{}')") == [(0,)]
    assert rows("SELECT state, count FROM mesh.job_gauges WHERE state IN ('dead', 'purged') ORDER BY 1") == [
        ("dead", 1),
        ("purged", 2),
    ]


def test_a_redriven_job_may_be_rescued_as_often_as_a_new_one(rows: Rows, worker_id: str) -> None:
    job = enqueue(rows)
    rows("UPDATE mesh.jobs SET rescues = 5")
    claim(rows, worker_id)
    rescue(rows)
    assert state(rows, job) == "dead"
    redrive(rows, job)
    claim(rows, worker_id)
    rescue(rows)
    assert state(rows, job) == "pending"
