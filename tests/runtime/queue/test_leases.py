from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

EMPTY = [(0, 0)]
LEFT = "SELECT (SELECT count(*) FROM mesh.leases), (SELECT count(*) FROM mesh.lease_ends)"


def put(rows: Rows, count: int, *, priority: int = 0, job_type: str = "process_image") -> None:
    rows(
        "SELECT mesh.enqueue(%s, jsonb_build_object('n', n), priority => %s) FROM generate_series(1, %s) n",
        job_type,
        priority,
        count,
    )


def claim(
    rows: Rows, worker: str, most: int = 10, types: tuple[str, ...] = ("process_image",)
) -> tuple[int, list[UUID]]:
    claimed = rows("SELECT token, id FROM mesh.claim_batch(%s, %s, %s)", worker, list(types), most)
    return (claimed[0][0] if claimed else 0), [row[1] for row in claimed]


def complete(rows: Rows, token: int, ids: list[UUID]) -> int:
    return int(rows("SELECT mesh.complete_jobs(%s, %s)", token, ids)[0][0])


def fail(rows: Rows, token: int, *failures: dict[str, Any]) -> int:
    return int(rows("SELECT mesh.fail_jobs(%s, %s)", token, json.dumps(failures, default=str))[0][0])


def kill(rows: Rows) -> None:
    rows("UPDATE mesh.workers SET expires_at = clock_timestamp() - interval '1 second'")
    rows("SELECT mesh.tick()")


def statuses(rows: Rows) -> dict[str, int]:
    counted = rows(
        "SELECT status, count(*) FROM (SELECT status FROM background_jobs UNION ALL SELECT status FROM job_history) a"
        " GROUP BY 1"
    )
    return dict(counted)  # type: ignore[arg-type]  two columns


def test_a_batch_leaves_its_lease_at_once(rows: Rows, worker_id: str) -> None:
    put(rows, 5)
    token, ids = claim(rows, worker_id)
    assert statuses(rows) == {"processing": 5}
    assert complete(rows, token, ids) == 5
    assert statuses(rows) == {"completed": 5}
    assert rows(LEFT) == EMPTY


def test_a_batch_leaves_its_lease_part_by_part(rows: Rows, worker_id: str) -> None:
    put(rows, 5)
    token, ids = claim(rows, worker_id)
    assert complete(rows, token, ids[:2]) == 2
    assert statuses(rows) == {"completed": 2, "processing": 3}
    assert complete(rows, token, ids[:3]) == 1, "two of them have left before"
    assert fail(rows, token, {"id": ids[3], "error": "boom"}) == 1
    assert rows("SELECT mesh.release_jobs(%s, %s)", token, ids[4:]) == [(1,)]
    assert statuses(rows) == {"completed": 3, "scheduled": 1, "pending": 1}
    assert rows(LEFT) == EMPTY


def test_no_job_leaves_twice_when_the_whole_batch_is_named_after_a_part(rows: Rows, worker_id: str) -> None:
    put(rows, 4)
    token, ids = claim(rows, worker_id)
    complete(rows, token, ids[:1])
    assert complete(rows, token, ids) == 3
    assert complete(rows, token, ids) == 0
    assert statuses(rows) == {"completed": 4}
    assert rows(LEFT) == EMPTY


def test_a_job_of_another_lease_is_not_taken_along(rows: Rows, worker_id: str) -> None:
    put(rows, 2)
    token, (mine,) = claim(rows, worker_id, most=1)
    _, (other,) = claim(rows, worker_id, most=1)
    with pytest.raises(psycopg.Error, match="not all of these jobs are of the lease") as raised:
        complete(rows, token, [other])
    assert raised.value.sqlstate == "PT409"
    assert complete(rows, token, [mine, uuid4()]) == 1
    assert statuses(rows) == {"processing": 1, "completed": 1}


def test_tokens_grow(rows: Rows, worker_id: str) -> None:
    put(rows, 3)
    tokens = [claim(rows, worker_id, most=1)[0] for _ in range(3)]
    assert tokens == sorted(set(tokens))


def test_handlers_of_one_batch_complete_in_transactions_beside_each_other(
    rows: Rows, worker_id: str, database_url: str
) -> None:
    put(rows, 3)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as one, connect(database_url) as two:
        for connection, job_id in ((one, ids[0]), (two, ids[1])):
            connection.execute("SET lock_timeout = '2s'")
            assert connection.execute("SELECT mesh.complete_jobs(%s, %s)", (token, [job_id])).fetchone() == (1,)
        assert complete(rows, token, ids[2:]) == 1
        one.commit()
        two.rollback()
    assert statuses(rows) == {"completed": 2, "processing": 1}
    assert complete(rows, token, ids[1:2]) == 1
    rows("SELECT mesh.tick()")
    assert rows(LEFT) == EMPTY


def test_a_whole_batch_waits_for_a_transaction_that_holds_a_part(rows: Rows, worker_id: str, database_url: str) -> None:
    put(rows, 3)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as handler, connect(database_url, autocommit=True) as flusher:
        handler.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids[:1]))
        answers: list[Any] = []

        def flush() -> None:
            answers.append(flusher.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids)).fetchone())

        thread = threading.Thread(target=flush)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        handler.commit()
        thread.join()
    assert answers == [(2,)], "the job that the transaction completed is not completed again"
    assert statuses(rows) == {"completed": 3}
    assert rows(LEFT) == EMPTY


def test_the_last_two_transactions_leave_the_lease_to_tick(rows: Rows, worker_id: str, database_url: str) -> None:
    put(rows, 2)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as one, connect(database_url) as two:
        one.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids[:1]))
        two.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids[1:]))
        one.commit()
        two.commit()
    assert rows(LEFT) == [(1, 2)]
    rows("SELECT mesh.tick()")
    assert rows(LEFT) == EMPTY
    assert statuses(rows) == {"completed": 2}


def test_a_dead_workers_jobs_are_rescued_but_for_those_that_ended(rows: Rows, worker_id: str) -> None:
    put(rows, 5)
    token, ids = claim(rows, worker_id)
    complete(rows, token, ids[:2])
    kill(rows)
    assert statuses(rows) == {"completed": 2, "pending": 3}
    assert rows("SELECT DISTINCT attempts, rescues FROM mesh.jobs") == [(0, 1)]
    assert complete(rows, token, ids[2:]) == 0, "the lease is stale"
    assert rows(LEFT) == EMPTY


def test_a_job_being_completed_in_a_transaction_is_not_rescued(rows: Rows, worker_id: str, database_url: str) -> None:
    put(rows, 2)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as handler:
        handler.execute("SELECT mesh.complete_jobs(%s, %s)", (token, ids[:1]))
        kill(rows)
        assert statuses(rows) == {"processing": 2}
        handler.commit()
    rows("SELECT mesh.tick()")
    assert statuses(rows) == {"completed": 1, "pending": 1}


def test_a_worker_that_was_declared_dead_claims_nothing(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    kill(rows)
    with pytest.raises(psycopg.Error, match="declared dead") as raised:
        claim(rows, worker_id)
    assert raised.value.sqlstate == "PT409"


def test_a_rescued_job_is_a_batch_of_its_own_and_first(rows: Rows, worker_id: str) -> None:
    put(rows, 2)
    claim(rows, worker_id)
    kill(rows)
    rows("UPDATE mesh.workers SET expires_at = now() + interval '1 hour'")
    rows(
        "INSERT INTO mesh.workers (id, name, types, expires_at) VALUES (%s, 'test', '{}', now() + interval '1 hour')",
        worker_id,
    )
    put(rows, 3)
    assert [len(claim(rows, worker_id)[1]) for _ in range(4)] == [1, 1, 3, 0]


def test_the_sixth_rescue_buries_the_job(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    rows("UPDATE mesh.jobs SET rescues = 5")
    claim(rows, worker_id)
    kill(rows)
    assert rows("SELECT reason, rescues, attempts FROM mesh.dead_jobs") == [("rescues", 6, 0)]


def test_a_claim_whose_answer_was_lost_goes_back(rows: Rows, worker_id: str) -> None:
    put(rows, 6)
    known, _ = claim(rows, worker_id, most=2)
    lost, ids = claim(rows, worker_id, most=2)
    complete(rows, lost, ids[:1])
    assert rows("SELECT mesh.release_strays(%s, %s::bigint[])", worker_id, [known]) == [(1,)]
    assert statuses(rows) == {"processing": 2, "pending": 3, "completed": 1}
    assert rows("SELECT count(*) FROM mesh.jobs WHERE rescues > 0") == [(0,)]


def test_urgent_lanes_go_first_and_no_lane_starves(rows: Rows, worker_id: str) -> None:
    put(rows, 2, priority=0)
    put(rows, 2, priority=9)
    put(rows, 2, priority=5, job_type="send_notification")
    types = ("process_image", "send_notification")
    order = []
    for _ in range(3):
        token, _ids = claim(rows, worker_id, types=types)
        order.append(rows("SELECT DISTINCT j.priority FROM mesh.leases, unnest(jobs) j WHERE token = %s", token)[0][0])
    assert order == [9, 5, 0]
    put(rows, 1, priority=0)
    rows("UPDATE mesh.jobs SET run_at = now() - interval '6 minutes'")
    put(rows, 1, priority=10)
    claim(rows, worker_id, types=types)
    assert rows("SELECT priority FROM mesh.jobs") == [(10,)], "six minutes outweigh ten priorities of half a minute"


def test_jobs_of_one_lane_are_claimed_in_order(rows: Rows, worker_id: str) -> None:
    put(rows, 30)
    order = []
    while claimed := rows("SELECT payload FROM mesh.claim_batch(%s, '{process_image}', 7)", worker_id):
        order += [json.loads(row[0])["n"] for row in claimed]
    assert order == list(range(1, 31))


def test_a_lease_is_no_larger_than_memory_bears(rows: Rows, worker_id: str) -> None:
    rows(
        "SELECT mesh.enqueue('process_image', (SELECT jsonb_build_object('x', string_agg(md5(random()::text), ''))"
        " FROM generate_series(1, 32000) WHERE n > 0)) FROM generate_series(1, 12) n"
    )
    sizes = []
    while ids := claim(rows, worker_id, most=50)[1]:
        sizes.append(len(ids))
    assert sum(sizes) == 12
    assert max(sizes) < 12


def test_paused_types_and_those_without_a_handler_stay(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    put(rows, 1, job_type="send_notification")
    rows("UPDATE mesh.job_types SET paused = true WHERE name = 'send_notification'")
    assert len(claim(rows, worker_id, types=("send_notification", "cleanup_expired"))[1]) == 0
    assert len(claim(rows, worker_id, types=("send_notification", "process_image"))[1]) == 1


def test_a_failed_job_backs_off_with_full_jitter(rows: Rows) -> None:
    for attempts, ceiling in ((1, 2), (3, 8), (30, 3600)):
        ((lowest, highest, mean),) = rows(
            "SELECT min(b), max(b), avg(b)::float8 FROM (SELECT extract(epoch FROM mesh.backoff(%s))::float8 b"
            " FROM generate_series(1, 2000)) a",
            attempts,
        )
        assert 0 <= lowest < ceiling * 0.05
        assert ceiling * 0.95 < highest <= ceiling
        assert mean == pytest.approx(ceiling / 2, rel=0.1)


def test_a_job_that_fails_too_often_is_a_dead_letter_with_every_error(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    for attempt in (1, 2, 3):
        token, (job_id,) = claim(rows, worker_id)
        assert fail(rows, token, {"id": job_id, "error": f"boom {attempt}", "traceback": "T", "retry_after": 0}) == 1
        rows("SELECT mesh.tick()")
    assert rows(
        "SELECT id, reason, attempts, errors -> 0 ->> 'error', errors -> 2 ->> 'error' FROM mesh.dead_jobs"
    ) == [(job_id, "exhausted", 3, "boom 1", "boom 3")]
    assert rows("SELECT status, attempts, error_message FROM job_history") == [("dead", 3, "boom 3")]
    assert statuses(rows) == {"dead": 1}


def test_a_permanent_failure_is_a_dead_letter_at_once(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    token, (job_id,) = claim(rows, worker_id)
    fail(rows, token, {"id": job_id, "error": "no such file", "reason": "permanent"})
    assert rows("SELECT reason, attempts FROM mesh.dead_jobs") == [("permanent", 1)]


def test_scheduled_jobs_become_pending_when_they_are_due(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.enqueue('process_image', delay => '1 hour')")
    rows("SELECT mesh.enqueue('process_image', delay => '2 hours')")
    assert claim(rows, worker_id)[1] == []
    rows("UPDATE mesh.jobs SET run_at = run_at - interval '90 minutes'")
    ((due,),) = rows("SELECT mesh.tick()")
    assert due == pytest.approx(1800, abs=60)
    assert len(claim(rows, worker_id)[1]) == 1


def test_a_column_can_be_added_while_leases_hold_jobs(rows: Rows, worker_id: str) -> None:
    put(rows, 2)
    token, ids = claim(rows, worker_id)
    rows("ALTER TABLE mesh.jobs ADD COLUMN later_column text")
    assert complete(rows, token, ids[:1]) == 1
    kill(rows)
    assert rows("SELECT later_column, rescues FROM mesh.jobs") == [(None, 1)]


def test_history_goes_to_the_partition_of_its_day(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    token, ids = claim(rows, worker_id)
    complete(rows, token, ids)
    ((partition, today),) = rows(
        "SELECT tableoid::regclass::text, to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD') FROM mesh.history"
    )
    assert partition == f"mesh.history_{today}"
    assert rows("SELECT count(*) FROM mesh.history_default") == [(0,)]


def test_tick_makes_the_partitions_of_the_days_to_come(rows: Rows) -> None:
    for (partition,) in rows(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'mesh.history'::regclass"
    ):
        if not partition.endswith("default"):
            rows(f"DROP TABLE {partition}")
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM pg_inherits WHERE inhparent = 'mesh.history'::regclass") == [(9,)]
    assert rows("SELECT mesh.tick()") == [(None,)]


def test_jobs_that_came_while_nobody_ticked_keep_no_later_day_from_its_partition(rows: Rows, worker_id: str) -> None:
    for (partition,) in rows(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'mesh.history'::regclass"
    ):
        if not partition.endswith("default"):
            rows(f"DROP TABLE {partition}")
    put(rows, 1)
    token, ids = claim(rows, worker_id)
    complete(rows, token, ids)
    assert rows("SELECT count(*) FROM mesh.history_default") == [(1,)]
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM pg_inherits WHERE inhparent = 'mesh.history'::regclass") == [(8,)]
    assert statuses(rows) == {"completed": 1}


def test_a_worker_that_runs_something_passes_over_rescued_jobs(rows: Rows, worker_id: str) -> None:
    put(rows, 2)
    rows("UPDATE mesh.jobs SET rescues = 1")
    put(rows, 3)
    busy = "SELECT rescues FROM mesh.claim_batch(%s, '{process_image}', 10, alone => false)"
    assert rows(busy, worker_id) == [(0,), (0,), (0,)]
    assert rows(busy, worker_id) == []
    assert [len(claim(rows, worker_id)[1]) for _ in range(3)] == [1, 1, 0]


def test_a_lease_counts_what_its_jobs_take_in_memory(rows: Rows, worker_id: str) -> None:
    rows(
        "SELECT mesh.enqueue('process_image', jsonb_build_object('x', repeat('a', 1000000)))"
        " FROM generate_series(1, 12)"
    )
    assert 0 < len(claim(rows, worker_id, most=50)[1]) < 12
    rows("DELETE FROM mesh.jobs")
    put(rows, 12)
    rows("UPDATE mesh.jobs SET errors = jsonb_build_array(jsonb_build_object('traceback', repeat('a', 1000000)))")
    assert 0 < len(claim(rows, worker_id, most=50)[1]) < 12


def test_another_transaction_that_ticks_does_not_stop_the_clock(rows: Rows, database_url: str) -> None:
    with connect(database_url) as caller:
        caller.execute("SELECT claim_next_job('f')")
        rows("SELECT mesh.enqueue('process_image', delay => '1 hour')")
        rows("UPDATE mesh.jobs SET run_at = now() - interval '1 second'")
        rows("SELECT mesh.tick()")
        assert statuses(rows) == {"pending": 1}


@pytest.mark.parametrize(("after", "most"), [(1e15, 31_536_000), (-5, 0), (None, 2)])
def test_a_retry_is_at_most_a_year_away(rows: Rows, worker_id: str, after: float | None, most: int) -> None:
    put(rows, 1)
    token, (job_id,) = claim(rows, worker_id)
    assert fail(rows, token, {"id": job_id, "error": "boom", "retry_after": after}) == 1
    ((seconds,),) = rows("SELECT extract(epoch FROM run_at - clock_timestamp())::float8 FROM mesh.jobs")
    assert -1 < seconds <= most
    assert seconds > most - 5


def test_one_job_that_cannot_be_rescued_keeps_no_other_from_it(rows: Rows, worker_id: str) -> None:
    put(rows, 3)
    claim(rows, worker_id)
    rows("INSERT INTO mesh.jobs SELECT jobs[1].* FROM mesh.leases")
    kill(rows)
    assert statuses(rows) == {"pending": 3, "superseded": 1}, "what was there twice is still known"
    assert rows(LEFT) == EMPTY
