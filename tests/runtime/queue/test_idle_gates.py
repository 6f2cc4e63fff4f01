"""Gates that jobs have made go when nobody has used them for a day; nothing else does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.queue.sessions import session
from tests.runtime.queue.steps import TYPE, claim, complete, state
from tests.runtime.queue.steps import bury as bury_one

from mesh_runtime.queue import Gate, InvalidJobError, enqueue

if TYPE_CHECKING:
    import psycopg
    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")

USERS = Gate("user:1", most_running=2, rate=5, burst=3)
KEYS = "SELECT key FROM mesh.gates ORDER BY key"


def _days_pass(rows: Rows, days: int = 2) -> None:
    if days:
        rows("UPDATE mesh.gates SET refilled_at = refilled_at - make_interval(days => %s)", days)
    rows("UPDATE mesh.chores SET done_at = '-infinity'")
    rows("SELECT mesh.tick()")


def test_a_gate_that_a_job_made_goes_after_a_day_and_comes_again_with_the_next(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str
) -> None:
    rows("SELECT mesh.define_gate('standing', 1)")
    enqueue(auto, TYPE, {}, gate=USERS)
    complete(rows, *claim(rows, worker_id))
    _days_pass(rows, days=0)
    assert rows(KEYS) == [("standing",), ("user:1",)]
    _days_pass(rows)
    assert rows(KEYS) == [("standing",)]
    enqueue(auto, TYPE, {}, gate="standing")
    enqueue(auto, TYPE, {}, gate=USERS)
    limits = "SELECT most_running, rate, burst, admitted FROM mesh.gates WHERE key = 'user:1'"
    assert rows(limits) == [(2, 5, 3, 1)]
    with pytest.raises(InvalidJobError, match="not defined"):
        enqueue(auto, TYPE, {}, gate="user:2")


def test_a_gate_that_was_defined_for_good_stays_whoever_names_its_limits(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str
) -> None:
    enqueue(auto, TYPE, {}, gate=USERS)
    rows("SELECT mesh.define_gate('user:1', 2, 5, 3)")
    enqueue(auto, TYPE, {}, gate=Gate("user:1", most_running=3))
    complete(rows, *claim(rows, worker_id))
    _days_pass(rows)
    assert rows(KEYS) == [("user:1",)]


@pytest.mark.parametrize("how", ["runs", "blocked", "scheduled", "dead"])
def test_a_gate_that_some_job_names_stays(auto: psycopg.Connection[Any], rows: Rows, worker_id: str, how: str) -> None:
    one = Gate("user:1", most_running=1)
    if how == "scheduled":
        enqueue(auto, TYPE, {}, gate=one, delay=timedelta(days=3))
    elif how == "blocked":
        enqueue(auto, TYPE, {}, gate=one, after=[enqueue(auto, TYPE, {})])
    else:
        enqueue(auto, TYPE, {}, gate=one)
        bury_one(rows, worker_id) if how == "dead" else claim(rows, worker_id)
    _days_pass(rows)
    assert rows(KEYS) == [("user:1",)]


def test_a_gate_stays_while_an_enqueuer_who_named_it_has_not_committed(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str, database_url: str
) -> None:
    enqueue(auto, TYPE, {}, gate=USERS)
    complete(rows, *claim(rows, worker_id))
    rows("UPDATE mesh.gates SET refilled_at = refilled_at - interval '2 days'")
    with session(database_url, rows) as slow:
        enqueue(slow.connection, TYPE, {}, gate="user:1")
        _days_pass(rows, days=0)
        assert rows(KEYS) == [("user:1",)]
        slow.connection.commit()
    assert rows("SELECT status FROM mesh.jobs") == [("pending",)]


def test_jobs_whose_gate_has_gone_nevertheless_run_one_at_a_time(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str
) -> None:
    first, second = (enqueue(auto, TYPE, {}, gate=Gate("a", rate=0.001, burst=1)) for _ in range(2))
    complete(rows, *claim(rows, worker_id))
    rows("DELETE FROM mesh.gates")
    rows("SELECT mesh.tick()")
    assert (state(rows, first), state(rows, second)) == ("completed", "pending")
