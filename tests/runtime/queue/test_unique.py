from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue.sessions import session
from tests.runtime.queue.steps import bury, claim, complete, fail, release, rescue, state

from mesh_runtime.queue import InvalidJobError, enqueue

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

Connection = psycopg.Connection[Any]
TYPE = "process_image"

pytestmark = pytest.mark.usefixtures("sound")


def test_a_duplicate_returns_the_job_that_has_the_key(auto: Connection, rows: Rows) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, unique_key="k")
    assert enqueue(auto, TYPE, {"n": 2}, unique_key="k") == first
    assert rows("SELECT payload, idempotency_key FROM background_jobs") == [({"n": 1}, "k")]


def test_each_type_has_keys_of_its_own(auto: Connection) -> None:
    first = enqueue(auto, TYPE, {}, unique_key="k")
    assert enqueue(auto, "sync_like_count", {}, unique_key="k") != first


def test_the_key_is_held_while_the_job_lives_and_freed_by_its_end(auto: Connection, rows: Rows, worker_id: str) -> None:
    first = enqueue(auto, TYPE, {}, unique_key="k")
    for go_back in (
        lambda: release(rows, *claim(rows, worker_id)),
        lambda: (claim(rows, worker_id), rescue(rows)),
        lambda: fail(rows, *claim(rows, worker_id), retry_after=0),
    ):
        go_back()
        assert enqueue(auto, TYPE, {}, unique_key="k") == first
    rows("UPDATE mesh.jobs SET run_at = now() - interval '1 s'; SELECT mesh.tick()")
    complete(rows, *claim(rows, worker_id))
    second = enqueue(auto, TYPE, {}, unique_key="k")
    assert second != first
    assert bury(rows, worker_id) == second
    assert enqueue(auto, TYPE, {}, unique_key="k") not in (first, second)


def test_a_window_outlives_the_job_and_then_ends(auto: Connection, rows: Rows, worker_id: str) -> None:
    first = enqueue(auto, TYPE, {}, unique_key="k", unique_for=timedelta(hours=1))
    complete(rows, *claim(rows, worker_id))
    assert enqueue(auto, TYPE, {}, unique_key="k", unique_for=timedelta(hours=1)) == first
    assert enqueue(auto, TYPE, {}, unique_key="k") == first
    rows("UPDATE mesh.job_keys SET expires_at = clock_timestamp()")
    second = enqueue(auto, TYPE, {}, unique_key="k", unique_for=timedelta(hours=1))
    assert second != first
    assert enqueue(auto, TYPE, {}, unique_key="k") == second


def test_a_key_is_taken_by_the_first_to_commit(rows: Rows, database_url: str) -> None:
    with session(database_url, rows) as one, session(database_url, rows, autocommit=True) as two:
        first = enqueue(one.connection, TYPE, {}, unique_key="k")
        second = two.start(enqueue, two.connection, TYPE, {}, unique_key="k")
        two.until_it_waits(second)
        one.connection.commit()
        assert second.result() == first
    assert rows("SELECT id FROM mesh.jobs") == [(first,)]


def test_a_key_is_free_again_when_its_taker_rolls_back(rows: Rows, database_url: str) -> None:
    with session(database_url, rows) as one, session(database_url, rows, autocommit=True) as two:
        first = enqueue(one.connection, TYPE, {}, unique_key="k")
        second = two.start(enqueue, two.connection, TYPE, {}, unique_key="k")
        two.until_it_waits(second)
        one.connection.rollback()
        assert second.result() != first
    assert rows("SELECT id FROM mesh.jobs") == [(second.result(),)]


def test_an_expired_window_is_taken_over_by_one_of_two(auto: Connection, rows: Rows, database_url: str) -> None:
    old = enqueue(auto, TYPE, {}, unique_key="k", unique_for=timedelta(hours=1))
    rows("UPDATE mesh.job_keys SET expires_at = clock_timestamp()")
    with session(database_url, rows) as one, session(database_url, rows, autocommit=True) as two:
        first = enqueue(one.connection, TYPE, {}, unique_key="k")
        second = two.start(enqueue, two.connection, TYPE, {}, unique_key="k")
        two.until_it_waits(second)
        one.connection.commit()
        assert second.result() == first != old
    assert rows("SELECT count(*) FROM mesh.jobs") == [(2,)]


@pytest.mark.parametrize("commits", [True, False])
def test_an_enqueuer_waits_for_an_end_that_is_being_committed(
    auto: Connection, rows: Rows, worker_id: str, database_url: str, commits: bool
) -> None:
    first = enqueue(auto, TYPE, {}, unique_key="k")
    token, ids = claim(rows, worker_id)
    with session(database_url, rows) as one, session(database_url, rows, autocommit=True) as two:
        one.run("SELECT mesh.complete_jobs(%s, %s)", token, ids)
        second = two.start(enqueue, two.connection, TYPE, {}, unique_key="k")
        two.until_it_waits(second)
        one.connection.commit() if commits else one.connection.rollback()
        assert (second.result() == first) is not commits
    assert state(rows, first) == ("completed" if commits else "running")


def test_a_duplicates_open_transaction_does_not_hold_the_worker_up(
    auto: Connection, rows: Rows, worker_id: str, database_url: str
) -> None:
    first = enqueue(auto, TYPE, {}, unique_key="k")
    token, ids = claim(rows, worker_id)
    with session(database_url, rows) as one:
        assert enqueue(one.connection, TYPE, {}, unique_key="k") == first
        rows("SET lock_timeout = '1s'")
        assert complete(rows, token, ids) == 1


def test_many_sessions_at_once_enqueue_one_job(rows: Rows, database_url: str) -> None:
    with session(database_url, rows, autocommit=True) as one, session(database_url, rows, autocommit=True) as two:
        calls = [
            peer.start(lambda own=peer.connection: [enqueue(own, TYPE, {}, unique_key=f"k{n}") for n in range(100)])
            for peer in (one, two)
        ]
        assert calls[0].result() == calls[1].result()
    assert rows("SELECT count(*), count(DISTINCT unique_key) FROM mesh.jobs") == [(100, 100)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unique_key": ""}, "a key is empty"),
        ({"unique_for": timedelta(hours=1)}, "unique_for needs a unique_key"),
        ({"unique_key": "k", "unique_for": timedelta()}, "unique_for is not positive"),
        ({"unique_key": "a\0b"}, "NUL"),
    ],
)
def test_keys_that_cannot_be_are_named_before_anything_is_sent(
    connection: Connection, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidJobError, match=message):
        enqueue(connection, TYPE, {}, **options)
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("unique_key => ''", "a key is empty"),
        ("unique_for => '1 hour'", "unique_for needs a unique_key"),
        ("unique_key => 'k', unique_for => '-1 hour'", "unique_for is not positive"),
    ],
)
def test_sql_is_told_the_same(rows: Rows, arguments: str, message: str) -> None:
    with pytest.raises(psycopg.Error, match=f"process_image: {message}") as raised:
        rows(f"SELECT mesh.enqueue('process_image', {arguments})")
    assert raised.value.sqlstate == "PT422"
