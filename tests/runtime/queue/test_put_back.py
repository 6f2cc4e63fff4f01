from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
import pytest
from tests.runtime.queue.steps import TYPE, claim, complete, enqueue, fail, hurry, release, rescue, state

from mesh_runtime.database import connect
from mesh_runtime.queue.identifiers import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")


@pytest.mark.parametrize(
    "leave",
    [
        lambda rows, token, ids: fail(rows, token, ids),
        lambda rows, token, ids: release(rows, token, ids),
        lambda rows, token, ids: release(rows, token, ids, "1 hour"),
        lambda rows, *_: rescue(rows),
    ],
)
def test_a_job_that_goes_back_while_its_key_waits_is_superseded(
    rows: Rows, worker_id: str, leave: Callable[[Rows, int, list[UUID]], object]
) -> None:
    first = enqueue(rows, debounce_key="k", payload='{"n": 1}')
    child = enqueue(rows, after=[first])
    token, ids = claim(rows, worker_id, most=1)
    second = enqueue(rows, debounce_key="k", payload='{"n": 2}')
    other = enqueue(rows, debounce_key="other")
    leave(rows, token, ids)
    assert state(rows, first) == "superseded"
    assert state(rows, child) == "pending", "what it was for, the other does"
    assert {state(rows, job) for job in (second, other)} == {"pending"}
    assert len(claim(rows, worker_id)[1]) == 3


def test_a_job_whose_key_does_not_wait_goes_back_and_takes_later_ones_in(rows: Rows, worker_id: str) -> None:
    first = enqueue(rows, debounce_key="k", payload='{"n": 1}')
    fail(rows, *claim(rows, worker_id), retry_after=3600)
    assert enqueue(rows, debounce_key="k", payload='{"n": 2}') == first
    assert rows("SELECT status, payload, attempts FROM mesh.jobs") == [("scheduled", {"n": 2}, 0)]


def test_an_exhausted_job_dies_although_its_key_waits(rows: Rows, worker_id: str) -> None:
    first = enqueue(rows, debounce_key="k", max_attempts=1)
    token, ids = claim(rows, worker_id)
    second = enqueue(rows, debounce_key="k")
    fail(rows, token, ids)
    assert (state(rows, first), state(rows, second)) == ("dead", "pending")


def test_a_worker_does_not_wait_for_an_enqueuer_of_the_key_whose_transaction_stays_open(
    rows: Rows, worker_id: str, database_url: str
) -> None:
    first, plain = enqueue(rows, debounce_key="k"), enqueue(rows)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as slow:
        found = slow.execute("SELECT mesh.enqueue(%s, debounce_key => 'k')", (TYPE,)).fetchone()
        rows("SET statement_timeout = '5s'")
        assert fail(rows, token, ids, retry_after=0) == 2
        assert {state(rows, job) for job in (first, plain)} == {"scheduled"}
        slow.commit()
    assert found is not None
    second = UUID(str(found[0]))
    hurry(rows)
    seen = []
    while (lease := claim(rows, worker_id))[1]:
        seen += lease[1]
        assert len({first, second} & set(lease[1])) <= 1, "still one at a time"
        complete(rows, *lease)
    assert set(seen) == {first, second, plain}
    assert rows("SELECT count(*) FROM mesh.gates") == [(0,)]


def test_a_batch_may_hold_every_kind_of_job(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.define_gate('g', 1)")
    gated, keyed, debounced = enqueue(rows, gate="g"), enqueue(rows, unique_key="u"), enqueue(rows, debounce_key="d")
    blocked = enqueue(rows, gate="g")
    cancelled, spent, parent = enqueue(rows), enqueue(rows, max_attempts=1), enqueue(rows)
    child = enqueue(rows, after=[parent, spent], after_any=True)
    token, ids = claim(rows, worker_id)
    assert len(ids) == 6
    rows("SELECT * FROM mesh.cancel_jobs(%s)", [cancelled])
    newer = enqueue(rows, debounce_key="d")
    assert fail(rows, token, ids) == 6
    expected = {
        gated: "scheduled",
        keyed: "scheduled",
        debounced: "superseded",
        cancelled: "cancelled",
        spent: "dead",
        parent: "scheduled",
        blocked: "pending",
        newer: "pending",
        child: "blocked",
    }
    assert {job: state(rows, job) for job in expected} == expected
    assert enqueue(rows, unique_key="u") == keyed, "a job that is retried keeps its key"


def test_a_completed_job_frees_its_key_unless_that_has_a_window(rows: Rows, worker_id: str) -> None:
    live, window = enqueue(rows, unique_key="l"), enqueue(rows, unique_key="w", unique_for="1 hour")
    complete(rows, *claim(rows, worker_id))
    assert enqueue(rows, unique_key="l") != live
    assert enqueue(rows, unique_key="w") == window


def test_what_a_failure_says_is_kept_for_each_job(rows: Rows, worker_id: str) -> None:
    first, second = enqueue(rows), enqueue(rows)
    token, _ = claim(rows, worker_id)
    failures = [
        {"id": str(second), "error": "b", "reason": "permanent"},
        {"id": str(first), "error": "a", "retry_after": 60},
    ]
    rows("SELECT mesh.fail_jobs(%s, %s)", token, json.dumps(failures))
    assert rows("SELECT errors -> 0 ->> 'error', attempts FROM mesh.job_state(%s)", first) == [("a", 1)]
    assert rows("SELECT errors -> 0 ->> 'error', reason FROM mesh.job_state(%s)", second) == [("b", "permanent")]


def test_failures_and_rescues_are_counted(rows: Rows, worker_id: str) -> None:
    for _ in range(3):
        enqueue(rows)
    token, ids = claim(rows, worker_id)
    fail(rows, token, ids[:1])
    fail(rows, token, ids[1:2], reason="permanent")
    rescue(rows)
    rows("SELECT mesh.fold_moves()")
    assert rows("SELECT target, count FROM mesh.job_minutes WHERE target IN ('failed', 'rescued') ORDER BY 1") == [
        ("failed", 2),
        ("rescued", 1),
    ]


def test_a_job_that_is_named_twice_ends_once(rows: Rows, worker_id: str) -> None:
    for _ in range(3):
        enqueue(rows)
    token, ids = claim(rows, worker_id)
    assert fail(rows, token, [ids[0], ids[0]]) == 1
    with pytest.raises(psycopg.Error, match="each once"):
        complete(rows, token, [ids[1], ids[1]])
    assert complete(rows, token, ids[1:]) == 2


def test_what_one_lease_holds_is_not_ended_under_anothers_token(rows: Rows, worker_id: str) -> None:
    enqueue(rows), enqueue(rows)
    (token, mine), (_, other) = claim(rows, worker_id, most=1), claim(rows, worker_id, most=1)
    for end in (complete, fail, release):
        with pytest.raises(Exception, match="not all of these jobs are of the lease"):
            end(rows, token, other)
    assert complete(rows, token, mine) == 1


def test_a_second_death_of_the_same_id_takes_the_place_of_the_first(rows: Rows, worker_id: str) -> None:
    given = uuid7()
    for error in ("first", "second"):
        enqueue(rows, id=given, max_attempts=1)
        token, ids = claim(rows, worker_id)
        fail(rows, token, ids, error=error)
    assert rows("SELECT errors -> 0 ->> 'error' FROM mesh.dead_jobs") == [("second",)]
