from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from tests.runtime.queue.sessions import session
from tests.runtime.queue.steps import claim, complete, fail, hurry, release, state

from mesh_runtime.queue import Gate, InvalidJobError, NewJob, enqueue

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

Connection = psycopg.Connection[Any]
TYPE = "process_image"
SOON = timedelta(seconds=2)

pytestmark = pytest.mark.usefixtures("sound")


def test_the_waiting_job_takes_over_the_payload_and_keeps_its_time(auto: Connection, rows: Rows) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, debounce_key="k", delay=SOON, priority=3)
    ((due,),) = rows("SELECT run_at FROM mesh.jobs")
    assert enqueue(auto, TYPE, {"n": 2}, debounce_key="k", delay=timedelta(hours=1), priority=7) == first
    assert enqueue(auto, TYPE, {"n": 3}, debounce_key="k", delay=SOON) == first
    assert rows("SELECT payload, priority, run_at FROM mesh.jobs") == [({"n": 3}, 7, due)]


def test_each_type_and_key_waits_by_itself(auto: Connection) -> None:
    ids = {
        enqueue(auto, TYPE, {}, debounce_key="a", delay=SOON),
        enqueue(auto, TYPE, {}, debounce_key="b", delay=SOON),
        enqueue(auto, "sync_like_count", {}, debounce_key="a", delay=SOON),
    }
    assert len(ids) == 3


def test_an_event_while_the_job_runs_makes_it_run_once_more_and_not_beside_it(
    auto: Connection, rows: Rows, worker_id: str
) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, debounce_key="k")
    token, ids = claim(rows, worker_id)
    second = enqueue(auto, TYPE, {"n": 2}, debounce_key="k")
    assert enqueue(auto, TYPE, {"n": 3}, debounce_key="k") == second != first
    assert claim(rows, worker_id) == (0, [])
    complete(rows, token, ids)
    assert claim(rows, worker_id)[1] == [second]


def test_a_delayed_event_waits_for_the_running_job_too(auto: Connection, rows: Rows, worker_id: str) -> None:
    enqueue(auto, TYPE, {}, debounce_key="k", delay=SOON)
    hurry(rows)
    token, ids = claim(rows, worker_id)
    second = enqueue(auto, TYPE, {}, debounce_key="k", delay=SOON)
    hurry(rows)
    assert (state(rows, second), claim(rows, worker_id)) == ("blocked", (0, []))
    complete(rows, token, ids)
    assert claim(rows, worker_id)[1] == [second]


@pytest.mark.parametrize("goes_back", [fail, release])
def test_a_job_that_goes_back_where_another_waits_is_superseded(
    auto: Connection, rows: Rows, worker_id: str, goes_back: Any
) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, debounce_key="k")
    token, ids = claim(rows, worker_id)
    second = enqueue(auto, TYPE, {"n": 2}, debounce_key="k")
    goes_back(rows, token, ids)
    assert state(rows, first) == "superseded"
    assert claim(rows, worker_id)[1] == [second]


def test_a_claim_passes_over_a_job_that_an_open_transaction_has_touched(
    auto: Connection, rows: Rows, worker_id: str, database_url: str
) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, debounce_key="k")
    with session(database_url, rows) as liker:
        assert enqueue(liker.connection, TYPE, {"n": 2}, debounce_key="k") == first
        assert claim(rows, worker_id) == (0, [])
        liker.connection.commit()
    assert claim(rows, worker_id)[1] == [first]
    assert rows("SELECT payload FROM background_jobs") == [({"n": 2},)]


def test_the_first_event_that_rolls_back_does_not_take_the_second_along(rows: Rows, database_url: str) -> None:
    with session(database_url, rows) as one, session(database_url, rows, autocommit=True) as two:
        first = enqueue(one.connection, TYPE, {"n": 1}, debounce_key="k", delay=SOON)
        second = two.start(enqueue, two.connection, TYPE, {"n": 2}, debounce_key="k", delay=SOON)
        two.until_it_waits(second)
        one.connection.rollback()
        assert second.result() != first
    assert rows("SELECT payload FROM mesh.jobs") == [({"n": 2},)]


def test_an_event_waits_for_a_claim_that_is_being_committed_and_is_not_lost(
    auto: Connection, rows: Rows, worker_id: str, database_url: str
) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, debounce_key="k")
    with session(database_url, rows) as worker, session(database_url, rows, autocommit=True) as liker:
        worker.run("SELECT token FROM mesh.claim_batch(%s, %s, 10)", worker_id, [TYPE])
        second = liker.start(enqueue, liker.connection, TYPE, {"n": 2}, debounce_key="k")
        liker.until_it_waits(second)
        worker.connection.commit()
        assert second.result() != first
    assert [state(rows, job) for job in (first, second.result())] == ["running", "blocked"]


def test_no_event_is_lost_whoever_commits_when(auto: Connection, rows: Rows, worker_id: str, database_url: str) -> None:
    auto.execute("CREATE TABLE events (n int)")
    seen = 0

    def like(own: Connection) -> None:
        for n in range(60):
            with own.transaction():
                own.execute("INSERT INTO events VALUES (%s)", (n,))
                enqueue(own, TYPE, {"n": n}, debounce_key="k")

    with session(database_url, rows, autocommit=True) as one, session(database_url, rows, autocommit=True) as two:
        likers = [peer.start(like, peer.connection) for peer in (one, two)]
        while not all(liker.done() for liker in likers) or rows("SELECT id FROM mesh.jobs"):
            rows("SELECT mesh.tick()")
            token, ids = claim(rows, worker_id)
            assert len(ids) <= 1
            if ids:
                ((seen,),) = rows("SELECT count(*) FROM events")
                complete(rows, token, ids)
        for liker in likers:
            liker.result()
    assert seen == 120


@pytest.mark.parametrize(
    "options", [{"unique_key": "u"}, {"gate": Gate("g", 1)}, {"after": [NewJob(job_type=TYPE, payload={})]}]
)
def test_what_does_not_go_with_a_debounce_key_is_refused(connection: Connection, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidJobError, match="debounce_key goes with none of unique_key, gate and after"):
        enqueue(connection, TYPE, {}, debounce_key="k", **options)


@pytest.mark.parametrize("asked", ["SELECT * FROM mesh.cancel_jobs(%s)", "SELECT mesh.retry_jobs(%s)"])
def test_who_asks_for_several_jobs_takes_their_keys_in_the_order_of_enqueuers(
    auto: Connection, rows: Rows, database_url: str, asked: str
) -> None:
    second, first = (enqueue(auto, TYPE, {}, debounce_key=key, delay=timedelta(hours=1)) for key in ("b", "a"))
    with session(database_url, rows) as liker, session(database_url, rows, autocommit=True) as person:
        enqueue(liker.connection, TYPE, {}, debounce_key="a")
        waiting = person.start(person.run, asked, [first, second])
        person.until_it_waits(waiting)
        enqueue(liker.connection, TYPE, {}, debounce_key="b")
        liker.connection.commit()
        waiting.result()
    assert {state(rows, job) for job in (first, second)} <= {"cancelled", "pending"}


def test_an_event_gives_a_job_that_backs_off_new_attempts_and_an_earlier_time(
    auto: Connection, rows: Rows, worker_id: str
) -> None:
    first = enqueue(auto, TYPE, {"n": 1}, debounce_key="k")
    fail(rows, *claim(rows, worker_id), retry_after=3600)
    assert enqueue(auto, TYPE, {"n": 2}, debounce_key="k", delay=SOON, max_attempts=5) == first
    soon = "run_at < clock_timestamp() + interval '1 minute'"
    found = f"SELECT payload, attempts, max_attempts, {soon}, jsonb_array_length(errors) FROM mesh.jobs"
    assert rows(found) == [({"n": 2}, 0, 5, True, 1)]
    enqueue(auto, TYPE, {"n": 3}, debounce_key="k", max_attempts=2)
    assert rows(found) == [({"n": 3}, 0, 5, True, 1)]
    hurry(rows)
    assert claim(rows, worker_id)[1] == [first]


def test_an_enqueuer_commits_while_a_handler_is_about_to_free_the_key(
    auto: Connection, rows: Rows, worker_id: str, database_url: str
) -> None:
    enqueue(auto, TYPE, {}, debounce_key="k")
    token, ids = claim(rows, worker_id)
    with session(database_url, rows) as handler:
        handler.run("SELECT mesh.complete_jobs(%s, %s)", token, ids)
        auto.execute("SET lock_timeout = '5s'")
        second = enqueue(auto, TYPE, {}, debounce_key="k")
        handler.connection.commit()
    rows("SELECT mesh.tick()")
    assert claim(rows, worker_id)[1] == [second]
