from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from tests.runtime.queue.steps import (
    TYPE,
    bury,
    claim,
    complete,
    enqueue,
    fail,
    hurry,
    in_the_background,
    release,
    rescue,
    state,
    wait_for_a_lock,
)

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")


def test_a_child_runs_when_the_last_of_its_parents_has_completed(rows: Rows, worker_id: str) -> None:
    parents = [enqueue(rows) for _ in range(3)]
    child = enqueue(rows, after=parents)
    token, ids = claim(rows, worker_id)
    assert ids == parents
    complete(rows, token, ids[:2])
    assert state(rows, child) == "blocked"
    assert rows("SELECT waits_for FROM mesh.job_state(%s)", child) == [(parents[2:],)]
    complete(rows, token, ids[2:])
    assert claim(rows, worker_id)[1] == [child]


def test_a_child_of_finished_parents_runs_at_once(rows: Rows, worker_id: str) -> None:
    parent = enqueue(rows)
    complete(rows, *claim(rows, worker_id))
    assert state(rows, enqueue(rows, after=[parent])) == "pending"


def test_a_parent_that_is_retried_released_or_rescued_has_not_ended(rows: Rows, worker_id: str) -> None:
    parent = enqueue(rows)
    child = enqueue(rows, after=[parent])
    fail(rows, *claim(rows, worker_id), retry_after=0)
    hurry(rows)
    release(rows, *claim(rows, worker_id))
    claim(rows, worker_id)
    rescue(rows)
    assert state(rows, child) == "blocked"
    complete(rows, *claim(rows, worker_id))
    assert state(rows, child) == "pending"


def test_a_dead_parent_cancels_its_children_and_theirs(rows: Rows, worker_id: str) -> None:
    first = enqueue(rows)
    second = enqueue(rows, after=[first], unique_key="u")
    third = enqueue(rows, after=[first, second])
    anyway = enqueue(rows, after=[first, third], after_any=True)
    other = enqueue(rows, priority=0)
    assert bury(rows, worker_id) == first
    assert [state(rows, job) for job in (second, third, anyway, other)] == [
        "cancelled",
        "cancelled",
        "pending",
        "pending",
    ]
    assert enqueue(rows, unique_key="u") != second, "the key of a cancelled job is free"


def test_a_child_that_runs_after_any_end_runs_after_a_cancelled_parent(rows: Rows) -> None:
    parent = enqueue(rows)
    child, anyway = enqueue(rows, after=[parent]), enqueue(rows, after=[parent], after_any=True)
    rows("SELECT * FROM mesh.cancel_jobs(%s)", [parent])
    assert (state(rows, child), state(rows, anyway)) == ("cancelled", "pending")


def test_a_child_that_is_due_later_is_scheduled_and_one_with_a_gate_waits_for_it(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.define_gate('a', 1)")
    parent = enqueue(rows)
    later = enqueue(rows, after=[parent], delay="1 hour")
    gated = [enqueue(rows, after=[parent], gate="a") for _ in range(2)]
    complete(rows, *claim(rows, worker_id))
    assert state(rows, later) == "scheduled"
    assert sorted(str(state(rows, job)) for job in gated) == ["blocked", "pending"]


def test_a_long_line_is_cancelled_to_its_end(rows: Rows, worker_id: str) -> None:
    last = first = enqueue(rows)
    for _ in range(600):
        last = enqueue(rows, after=[last])
    assert bury(rows, worker_id) == first
    assert state(rows, last) == "cancelled"
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]


def test_a_thousand_parents_end_in_batches_and_the_child_runs_once(rows: Rows, worker_id: str) -> None:
    parents = [row[0] for row in rows("SELECT mesh.enqueue(%s) FROM generate_series(1, 1000)", TYPE)]
    child = enqueue(rows, after=parents)
    for _ in range(4):
        token, ids = claim(rows, worker_id, most=250)
        assert complete(rows, token, ids) == 250
    assert claim(rows, worker_id)[1] == [child]


@pytest.mark.parametrize("second_dies", [False, True])
def test_two_parents_that_end_at_once_leave_no_child_behind(
    rows: Rows, worker_id: str, database_url: str, second_dies: bool
) -> None:
    enqueue(rows), enqueue(rows)
    parents = [row[0] for row in rows("SELECT id FROM mesh.jobs ORDER BY seq")]
    child = enqueue(rows, after=parents)
    grandchild = enqueue(rows, after=[child])
    one, two = claim(rows, worker_id, most=1), claim(rows, worker_id, most=1)
    with connect(database_url) as first:
        first.execute("SELECT mesh.complete_jobs(%s, %s)", one)
        if second_dies:
            failure = json.dumps([{"id": str(two[1][0]), "reason": "permanent"}])
            thread, answers = in_the_background(database_url, "SELECT mesh.fail_jobs(%s, %s)", two[0], failure)
        else:
            thread, answers = in_the_background(database_url, "SELECT mesh.complete_jobs(%s, %s)", *two)
        wait_for_a_lock(rows)
        first.commit()
    thread.join()
    assert answers == [(1,)]
    assert state(rows, child) == ("cancelled" if second_dies else "pending")
    assert state(rows, grandchild) == ("cancelled" if second_dies else "blocked")


def test_many_parents_end_at_once_and_every_child_runs(rows: Rows, worker_id: str, database_url: str) -> None:
    families = 60
    parents = [row[0] for row in rows("SELECT mesh.enqueue(%s) FROM generate_series(1, %s)", TYPE, families * 4)]
    children = [enqueue(rows, after=parents[n::families]) for n in range(families)]
    problems: list[Exception] = []

    def work() -> None:
        with connect(database_url, autocommit=True) as connection:

            def run(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
                cursor = connection.execute(sql.encode(), parameters)
                return cursor.fetchall() if cursor.description else []

            try:
                while True:
                    token, ids = claim(run, worker_id, most=7)
                    if not ids:
                        return
                    complete(run, token, ids[:3])
                    complete(run, token, ids[3:])
            except psycopg.Error as error:
                problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()
    assert problems == []
    assert {state(rows, child) for child in children} == {"completed"}


@pytest.mark.parametrize("dies", [False, True])
def test_a_parent_that_ends_while_its_childs_enqueuer_is_open_is_noticed_by_tick(
    rows: Rows, worker_id: str, database_url: str, dies: bool
) -> None:
    parent = enqueue(rows)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as slow:
        found = slow.execute("SELECT mesh.enqueue(%s, after => %s)", (TYPE, [parent])).fetchone()
        fail(rows, token, ids, reason="permanent") if dies else complete(rows, token, ids)
        rows("SELECT mesh.tick()")
        slow.commit()
    assert found is not None
    child = UUID(str(found[0]))
    assert state(rows, child) == "blocked"
    rows("SELECT mesh.tick()")
    assert state(rows, child) == ("cancelled" if dies else "pending")


def test_an_end_that_is_still_being_committed_when_tick_looks_is_noticed_later(
    rows: Rows, worker_id: str, database_url: str
) -> None:
    parent = enqueue(rows)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as ender, connect(database_url) as enqueuer:
        enqueuer.execute("SELECT mesh.enqueue(%s, after => %s)", (TYPE, [parent]))
        ender.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids))
        enqueuer.commit()
        for _ in range(5):
            rows("SELECT mesh.tick()")
        ender.commit()
    rows("SELECT mesh.tick()")
    assert rows("SELECT status FROM mesh.jobs") == [("pending",)]


def test_tick_looks_at_an_edge_only_until_all_know_of_it(rows: Rows) -> None:
    parent = enqueue(rows)
    for _ in range(1500):
        enqueue(rows, after=[parent])
    for _ in range(6):
        rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.job_edges, mesh.edge_checks WHERE made_by >= checked") == [(0,)]


def test_edges_restored_into_another_server_are_looked_at_again(rows: Rows, worker_id: str) -> None:
    parent = enqueue(rows)
    token, ids = claim(rows, worker_id)
    complete(rows, token, ids)
    child = enqueue(rows)
    rows("UPDATE mesh.jobs SET status = 'blocked', blocked_by = 'parents', parents = %s", [parent])
    rows("INSERT INTO mesh.job_moves (job_type, source, target, count) VALUES (%s, 'pending', 'blocked', 1)", TYPE)
    rows("INSERT INTO mesh.job_edges VALUES (%s, %s)", parent, child)
    rows("UPDATE mesh.edge_checks SET home = 1, checked = 10^15, visible = 10^15, missed_below = 10^15")
    rows("SELECT mesh.tick()")
    assert state(rows, child) == "pending"


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_parent_that_ends_in_a_transaction_that_sees_the_past_misses_no_child(
    rows: Rows, worker_id: str, database_url: str, level: str
) -> None:
    parents = [enqueue(rows), enqueue(rows)]
    (first, [other]), (second, [last]) = claim(rows, worker_id, 1), claim(rows, worker_id, 1)
    both = enqueue(rows, after=parents)
    rows("SELECT mesh.define_gate('one', 1)")
    gated = enqueue(rows, gate="one")
    third, _ = claim(rows, worker_id)
    behind = enqueue(rows, gate="one")
    with connect(database_url) as old:
        old.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
        old.execute("SELECT FROM mesh.job_types")
        complete(rows, first, [other])
        unseen = enqueue(rows, after=[last])
        rows("SELECT mesh.set_progress(%s, %s, 0.5)", last, second)
        for _ in range(3):
            rows("SELECT mesh.tick()")
        old.execute("SELECT mesh.complete_jobs(%s, %s)", (second, [last]))
        old.execute("SELECT mesh.complete_jobs(%s, %s)", (third, [gated]))
    rows("SELECT mesh.tick()")
    assert [state(rows, job) for job in (both, unseen, behind)] == ["pending"] * 3


def test_a_child_of_finished_parents_goes_through_its_gate_and_waits_for_its_time(rows: Rows, worker_id: str) -> None:
    parent = enqueue(rows)
    complete(rows, *claim(rows, worker_id))
    rows("SELECT mesh.define_gate('one', 1)")
    children = [enqueue(rows, after=[parent], gate="one") for _ in range(2)]
    later = enqueue(rows, after=[parent], delay="1 hour")
    assert [state(rows, child) for child in children] == ["pending", "blocked"]
    assert state(rows, later) == "scheduled"


def test_a_transaction_that_stays_open_keeps_tick_from_no_edge_however_many_there_are(
    rows: Rows, worker_id: str, database_url: str
) -> None:
    parent = enqueue(rows)
    token, ids = claim(rows, worker_id)
    far = enqueue(rows)
    with connect(database_url) as holder, connect(database_url) as slow:
        holder.execute("SELECT pg_current_xact_id()")
        enqueue(rows, after=[far])
        rows("SELECT mesh.tick()")
        for _ in range(1100):
            enqueue(rows, after=[far])
        found = slow.execute("SELECT mesh.enqueue(%s, after => %s)", (TYPE, [parent])).fetchone()
        complete(rows, token, ids)
        slow.commit()
        assert found is not None
        for _ in range(3):
            rows("SELECT mesh.tick()")
        assert state(rows, found[0]) == "pending"
    for _ in range(8):
        rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.job_edges, mesh.edge_checks WHERE made_by >= checked") == [(0,)]


def test_parents_are_looked_up_by_index_whatever_the_statistics_say(rows: Rows) -> None:
    setting = "SELECT 'enable_seqscan=off' = ANY (proconfig) FROM pg_proc WHERE oid = 'mesh.parent_states'::regproc"
    assert rows(setting) == [(True,)]
