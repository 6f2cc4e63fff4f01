from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue.sessions import session
from tests.runtime.queue.steps import claim, complete, state

from mesh_runtime.queue import (
    Gate,
    InvalidJobError,
    NewJob,
    PayloadError,
    UnknownParentError,
    enqueue,
    enqueue_many,
)

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

Connection = psycopg.Connection[Any]
TYPE = "process_image"

pytestmark = pytest.mark.usefixtures("sound")


def new(**options: Any) -> NewJob:
    return NewJob(job_type=TYPE, **{"payload": {}, **options})


def test_every_option_survives_the_copy(auto: Connection, rows: Rows) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    text = 'tab\t, line\n, \\back\\slash, \\N, quote" and ü'
    batch = [
        new(payload={"text": text}, user_id=text, priority=7, max_attempts=9, timeout=timedelta(seconds=1.5)),
        new(run_at=later),
        new(delay=timedelta(hours=1)),
        new(run_at=later - timedelta(days=2)),
    ]
    assert enqueue_many(auto, batch) == [job.id for job in batch]
    found = rows("SELECT payload, user_id, priority, max_attempts, timeout_ms, status FROM mesh.jobs ORDER BY seq")
    assert found[0] == ({"text": text}, text, 7, 9, 1500, "pending")
    assert [row[5] for row in found] == ["pending", "scheduled", "scheduled", "pending"]
    assert rows("SELECT run_at FROM mesh.jobs WHERE id = %s", batch[1].id) == [(later,)]


@pytest.mark.parametrize("options", [{}, {"delay": timedelta(0)}, {"unique_key": "k"}])
def test_what_json_allows_arrives_as_it_is(auto: Connection, rows: Rows, options: dict[str, Any]) -> None:
    payload = {"a\\u0000b": "\\u0000 is no NUL", "n": 12345678901234567890, "x": 0.1, "list": [None, True, {}]}
    enqueue_many(auto, [new(payload=payload, **options)])
    assert rows("SELECT payload FROM mesh.jobs") == [(payload,)]


def test_what_is_no_job_is_refused_by_name(connection: Connection) -> None:
    with pytest.raises(InvalidJobError, match="there is a dict among the jobs; each must be a NewJob"):
        enqueue_many(connection, [{"job_type": "process_image"}])  # type: ignore[list-item]  # the point


def test_a_wrong_job_takes_nothing_else_of_the_transaction_along(connection: Connection, rows: Rows) -> None:
    first = enqueue(connection, TYPE, {})
    with pytest.raises(PayloadError, match="NaN"):
        enqueue_many(connection, [new() for _ in range(20_000)] + [new(payload={"n": float("nan")})])
    connection.commit()
    assert rows("SELECT id FROM mesh.jobs") == [(first,)]


def test_duplicates_within_a_batch_are_one_job(auto: Connection, rows: Rows) -> None:
    there = enqueue(auto, TYPE, {"n": 0}, unique_key="there")
    batch = [
        new(payload={"n": 1}, unique_key="b"),
        new(payload={"n": 2}),
        new(payload={"n": 3}, unique_key="there"),
        new(payload={"n": 4}, unique_key="b"),
    ]
    ids = enqueue_many(auto, batch)
    assert ids == [batch[0].id, batch[1].id, there, batch[0].id]
    assert sorted(row[0]["n"] for row in rows("SELECT payload FROM mesh.jobs")) == [0, 1, 2]


def test_sql_says_which_jobs_were_inserted(rows: Rows) -> None:
    batch = [{"job_type": TYPE, "unique_key": "k", "delay_s": 5}, {"job_type": TYPE, "unique_key": "k"}]
    found = rows("SELECT ordinal, id, inserted FROM mesh.enqueue_batch(%s)", json.dumps(batch))
    assert found == [(1, found[0][1], True), (2, found[0][1], False)]
    assert rows("SELECT status FROM mesh.jobs") == [("scheduled",)]


def test_debounced_jobs_of_a_batch_are_one_with_the_last_payload(auto: Connection, rows: Rows) -> None:
    batch = [new(payload={"n": n}, debounce_key="k", priority=n) for n in (3, 9, 1)]
    assert set(enqueue_many(auto, batch)) == {batch[0].id}
    assert rows("SELECT payload, priority FROM mesh.jobs") == [({"n": 1}, 9)]


def test_two_batches_with_the_same_keys_in_opposite_order_do_not_wait_in_a_ring(rows: Rows, database_url: str) -> None:
    keys = [f"k{n}" for n in range(40)]

    def both(own: Connection, names: list[str]) -> None:
        for step in range(10):
            enqueue_many(own, [new(unique_key=f"{name}.{step}") for name in names])
            enqueue_many(own, [new(debounce_key=f"{name}.{step}") for name in names])

    with session(database_url, rows, autocommit=True) as one, session(database_url, rows, autocommit=True) as two:
        calls = [one.start(both, one.connection, keys), two.start(both, two.connection, keys[::-1])]
        for call in calls:
            call.result()
    assert rows("SELECT count(*) FROM mesh.jobs") == [(2 * 10 * 40,)]


def test_a_batch_waits_for_one_key_while_it_holds_only_lower_ones(rows: Rows, database_url: str) -> None:
    with session(database_url, rows) as one, session(database_url, rows, autocommit=True) as two:
        enqueue(one.connection, TYPE, {}, unique_key="m")
        batch = [new(unique_key=key) for key in ("z", "m", "a")]
        waiting = two.start(enqueue_many, two.connection, batch)
        two.until_it_waits(waiting)
        one.run("SET LOCAL lock_timeout = '2s'")
        enqueue(one.connection, TYPE, {}, unique_key="z")
        one.connection.commit()
        ids = waiting.result()
    assert [ids[place] == batch[place].id for place in range(3)] == [False, False, True]


def test_parents_may_stand_anywhere_in_the_batch(auto: Connection, rows: Rows, worker_id: str) -> None:
    parents = [new(payload={"n": n}) for n in range(3)]
    middle = new(after=parents)
    last = new(after=[middle])
    enqueue_many(auto, [last, middle, *parents])
    token, ids = claim(rows, worker_id)
    assert ids == [parent.id for parent in parents]
    complete(rows, token, ids)
    token, ids = claim(rows, worker_id)
    assert ids == [middle.id]
    complete(rows, token, ids)
    assert claim(rows, worker_id)[1] == [last.id]


def test_a_parent_that_is_a_duplicate_stands_for_the_job_that_has_the_key(
    auto: Connection, rows: Rows, worker_id: str
) -> None:
    there = enqueue(auto, TYPE, {}, unique_key="k")
    parent = new(unique_key="k")
    child = new(after=[parent])
    assert enqueue_many(auto, [parent, child]) == [there, child.id]
    assert rows("SELECT parents FROM mesh.jobs WHERE id = %s", child.id) == [([there],)]
    complete(rows, *claim(rows, worker_id))
    assert state(rows, child.id) == "pending"


def test_jobs_cannot_wait_for_each_other_in_a_ring_nor_for_themselves(auto: Connection, rows: Rows) -> None:
    first = new()
    second = new(after=[first])
    with pytest.raises(InvalidJobError, match="ring"):
        enqueue_many(auto, [replace(first, after=[second.id]), second])
    with pytest.raises(InvalidJobError, match="after itself"):
        enqueue(auto, TYPE, {}, id=first.id, after=[first.id])
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]


def test_an_unknown_parent_is_named_and_nothing_is_enqueued(auto: Connection, rows: Rows) -> None:
    stranger = new()
    with pytest.raises(UnknownParentError, match=str(stranger.id)):
        enqueue_many(auto, [new(), new(after=[stranger])])
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]


def test_a_batch_defines_its_gates_and_goes_through_them(auto: Connection, rows: Rows) -> None:
    enqueue_many(auto, [new(gate=Gate("mail", most_running=2)) for _ in range(5)] + [new(gate="mail")])
    assert rows("SELECT status, count(*) FROM mesh.jobs GROUP BY 1 ORDER BY 1") == [("blocked", 4), ("pending", 2)]
    with pytest.raises(InvalidJobError, match="two definitions of the gate 'mail'"):
        enqueue_many(auto, [new(gate=Gate("mail", 1)), new(gate=Gate("mail", 2))])
    with pytest.raises(InvalidJobError, match="gate 'nobody' is not defined"):
        enqueue_many(auto, [new(gate="nobody")])


def test_sleeping_workers_are_woken_once_per_batch_and_only_if_something_may_run(
    auto: Connection, rows: Rows, worker_id: str, database_url: str
) -> None:
    rows("UPDATE mesh.workers SET idle = true WHERE id = %s", worker_id)
    with session(database_url, rows, autocommit=True) as listener:
        listener.run("LISTEN mesh_jobs")
        enqueue_many(auto, [new(delay=timedelta(hours=1)), new(unique_key="k", delay=timedelta(hours=1))])
        assert list(listener.connection.notifies(timeout=0.2)) == []
        enqueue_many(auto, [new() for _ in range(100)])
        assert len(list(listener.connection.notifies(timeout=0.5))) == 1


def test_a_job_that_was_enqueued_already_is_refused_by_its_id(auto: Connection) -> None:
    job = new()
    enqueue_many(auto, [job])
    with pytest.raises(InvalidJobError, match="id waits already"):
        enqueue_many(auto, [job])
