"""Counts, health and what is forgotten."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

Connection = psycopg.Connection[Any]
TYPE = "process_image"
STATES = ("pending", "scheduled", "blocked", "running", "completed", "cancelled", "superseded", "dead", "purged")


def stats(rows: Rows, job_type: str = TYPE) -> dict[str, Any]:
    found = rows("SELECT to_jsonb(s) FROM mesh.queue_stats() AS s WHERE s.job_type = %s", job_type)
    row: dict[str, Any] = found[0][0]
    return row


def health(rows: Rows, arguments: str = "") -> tuple[bool, list[str]]:
    healthy, reasons = rows(f"SELECT healthy, reasons FROM mesh.queue_health({arguments})")[0]
    return healthy, [reason["reason"] for reason in reasons]


def claim(rows: Rows, worker: str, most: int) -> tuple[int, list[Any]]:
    found = rows("SELECT token, id FROM mesh.claim_batch(%s, ARRAY[%s], %s)", worker, TYPE, most)
    return found[0][0], [row[1] for row in found]


def complete(rows: Rows, token: int, ids: list[Any]) -> None:
    rows("SELECT mesh.complete_jobs(%s, %s)", token, ids)


def everything_happens(rows: Rows, worker: str) -> None:
    """Jobs of one type take every way through the queue."""
    for _ in range(9):
        rows("SELECT mesh.enqueue(%s, max_attempts => 1)", TYPE)
    rows("SELECT mesh.enqueue(%s, delay => '1 hour')", TYPE)
    token, ids = claim(rows, worker, 3)
    rows("SELECT mesh.complete_jobs(%s, %s, NULL, %s)", token, ids, [100, 200, 600])
    token, ids = claim(rows, worker, 2)
    failures = f'[{{"id": "{ids[0]}", "error": "x"}}, {{"id": "{ids[1]}", "error": "x"}}]'
    rows("SELECT mesh.fail_jobs(%s, %s::jsonb)", token, failures)
    token, ids = claim(rows, worker, 1)
    rows("SELECT mesh.release_jobs(%s, %s)", token, ids)
    claim(rows, worker, 2)


def by_rows(rows: Rows) -> dict[str, int]:
    """How many jobs are in each state, by reading them."""
    return dict(
        rows(
            "SELECT status, count(*) FROM mesh.jobs WHERE job_type = %s GROUP BY 1"
            " UNION ALL SELECT status, count(*) FROM mesh.history WHERE job_type = %s GROUP BY 1"
            " UNION ALL SELECT 'dead', count(*) FROM mesh.dead_jobs WHERE job_type = %s HAVING count(*) > 0"
            " UNION ALL SELECT 'running', sum(jobs)::bigint FROM mesh.running_leases HAVING count(*) > 0",
            *[TYPE] * 3,
        )
    )


@pytest.mark.parametrize("folded", [False, True])
def test_the_counts_are_those_of_the_rows_folded_or_not(rows: Rows, worker_id: str, folded: bool) -> None:
    everything_happens(rows, worker_id)
    if folded:
        assert rows("SELECT mesh.fold_moves()")[0][0] > 0
        assert rows("SELECT count(*) FROM mesh.job_moves") == [(0,)]
    found = stats(rows)
    assert {state: found[state] for state in STATES if found[state]} == by_rows(rows)
    assert found["enqueued"] == sum(found[state] for state in STATES) == 10
    assert found["mean_ms"] == 300
    assert found["completed_per_minute"] == pytest.approx(3 / 60)
    assert found["failed_per_minute"] == pytest.approx(2 / 60)


def test_a_failure_and_a_rescue_move_no_gauge(rows: Rows) -> None:
    move = "INSERT INTO mesh.job_moves (job_type, source, target, count) VALUES (%s, %s, %s, %s)"
    rows(move, TYPE, None, "pending", 5)
    rows(move, TYPE, "running", "failed", 2)
    rows(move, TYPE, "running", "rescued", 2)
    found = stats(rows)
    assert (found["pending"], found["running"], found["enqueued"]) == (5, 0, 5)
    assert rows("SELECT failed, rescued FROM mesh.queue_minutes()") == [(2, 2)]


def test_folds_beside_each_other_and_beside_appends_lose_no_move_and_count_none_twice(
    rows: Rows, database_url: str
) -> None:
    done = threading.Event()

    def append() -> None:
        with connect(database_url, autocommit=True) as mine:
            for n in range(300):
                mine.execute(
                    "INSERT INTO mesh.job_moves (job_type, target, count) VALUES (%s, 'pending', %s)", (TYPE, n)
                )

    def fold() -> None:
        with connect(database_url, autocommit=True) as mine:
            while not done.is_set():
                mine.execute("SELECT mesh.fold_moves(most => 7)")

    appending = [threading.Thread(target=append) for _ in range(3)]
    folding = [threading.Thread(target=fold) for _ in range(2)]
    for thread in (*appending, *folding):
        thread.start()
    for thread in appending:
        thread.join()
    done.set()
    for thread in folding:
        thread.join()
    expected = 3 * sum(range(300))
    assert stats(rows)["pending"] == expected
    rows("SELECT mesh.fold_moves()")
    assert rows("SELECT count FROM mesh.job_counts WHERE state = 'pending'") == [(expected,)]


def test_a_move_that_is_committed_late_is_folded_all_the_same(rows: Rows, database_url: str) -> None:
    with connect(database_url) as slow:
        slow.execute(
            "INSERT INTO mesh.job_moves (job_type, target, count, at)"
            " VALUES (%s, 'pending', 1, now() - interval '1 hour')",
            (TYPE,),
        )
        rows("SELECT mesh.tick()")
    assert stats(rows)["pending"] == 1
    rows("UPDATE mesh.chores SET done_at = '-infinity'")
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.job_moves") == [(0,)]
    assert stats(rows)["pending"] == 1


def test_an_idle_queue_is_healthy(rows: Rows) -> None:
    assert health(rows) == (True, [])


def test_jobs_that_wait_too_long_are_a_reason_and_so_is_that_nobody_lives_to_run_them(rows: Rows) -> None:
    rows("SELECT mesh.enqueue(%s)", TYPE)
    assert health(rows) == (True, [])
    rows("UPDATE mesh.jobs SET run_at = now() - interval '3 minutes'")
    assert health(rows) == (False, ["no_workers"])
    rows("UPDATE mesh.jobs SET run_at = now() - interval '6 minutes'")
    assert health(rows) == (False, ["backlog_age", "no_workers"])
    assert health(rows, "backlog_age => '1 hour', unclaimed_after => '1 hour'") == (True, [])


@pytest.mark.usefixtures("worker_id")
def test_a_type_that_no_living_worker_runs_is_a_reason(rows: Rows) -> None:
    rows("SELECT mesh.enqueue(%s)", TYPE)
    rows("UPDATE mesh.jobs SET run_at = now() - interval '3 minutes'")
    assert health(rows) == (False, ["unclaimed_types"])
    rows("UPDATE mesh.workers SET types = ARRAY[%s]", TYPE)
    assert health(rows) == (True, [])
    rows("UPDATE mesh.workers SET expires_at = now() - interval '1 second'")
    assert health(rows) == (False, ["no_workers"])


def test_a_paused_type_is_a_reason_when_jobs_wait_for_it_and_their_age_is_none(rows: Rows) -> None:
    rows("UPDATE mesh.job_types SET paused = true WHERE name = %s", TYPE)
    assert health(rows) == (True, [])
    rows("SELECT mesh.enqueue(%s)", TYPE)
    rows("UPDATE mesh.jobs SET run_at = now() - interval '1 day'")
    assert health(rows) == (False, ["paused"])


def test_jobs_that_do_not_end_are_stuck(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.enqueue(%s)", TYPE)
    claim(rows, worker_id, 1)
    assert health(rows) == (True, [])
    rows("UPDATE mesh.leases SET claimed_at = now() - interval '2 hours'")
    assert health(rows) == (False, ["stuck"])
    assert health(rows, "stuck_after => '3 hours'") == (True, [])


def test_jobs_of_the_dead_that_nobody_rescues_are_stuck(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.enqueue(%s)", TYPE)
    claim(rows, worker_id, 1)
    rows("UPDATE mesh.workers SET expires_at = now() - interval '2 minutes'")
    assert health(rows) == (False, ["stuck"])
    rows("SELECT mesh.tick()")
    assert health(rows) == (True, [])


def test_due_jobs_that_nobody_promotes_are_a_reason(rows: Rows) -> None:
    rows("SELECT mesh.enqueue(%s, delay => '1 hour')", TYPE)
    rows("UPDATE mesh.jobs SET run_at = now() - interval '10 minutes'")
    assert health(rows) == (False, ["backlog_age", "no_workers"])


def test_workers_are_listed_with_what_they_hold(rows: Rows, worker_id: str) -> None:
    for _ in range(3):
        rows("SELECT mesh.enqueue(%s)", TYPE)
    token, ids = claim(rows, worker_id, 3)
    rows("SELECT mesh.complete_jobs(%s, %s)", token, ids[:1])
    assert rows("SELECT name, alive, leases, jobs FROM mesh.queue_workers()") == [("test", True, 1, 2)]


def end_jobs(rows: Rows, count: int, at: object) -> None:
    """So many jobs have been completed at that time."""
    rows(
        "INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, attempts, rescues,"
        " created_at, completed_at)"
        " SELECT gen_random_uuid(), %s, 'completed', 0, '{}', 1, 1, 0, now(), %s FROM generate_series(1, %s)",
        TYPE,
        at,
        count,
    )


def old_day(rows: Rows, days: int) -> str:
    """A partition of so many days ago, with one job in it."""
    day = rows("SELECT ((now() - make_interval(days => %s)) AT TIME ZONE 'UTC')::date", days)[0][0]
    name = f"history_{day:%Y%m%d}"
    rows(f"CREATE TABLE mesh.{name} PARTITION OF mesh.history FOR VALUES FROM ('{day} 00:00+00') TO ('{day} 24:00+00')")
    end_jobs(rows, 1, f"{day} 12:00+00")
    return name


def test_history_goes_by_whole_days_once_all_of_a_day_is_old_enough(rows: Rows) -> None:
    names = [old_day(rows, days) for days in (13, 14, 15)]
    assert rows("SELECT mesh.drop_old_history('14 days')") == [(1,)]
    assert [rows("SELECT to_regclass(%s) IS NULL", f"mesh.{name}")[0][0] for name in names] == [False, False, True]


def test_a_reader_of_history_keeps_retention_waiting_for_a_moment_only(rows: Rows, database_url: str) -> None:
    name = old_day(rows, 20)
    with connect(database_url) as reader:
        reader.execute("SELECT count(*) FROM mesh.history")
        assert rows("SELECT mesh.drop_old_history('14 days')") == [(0,)]
        rows("SELECT mesh.tick()")
        assert rows("SELECT last_error FROM mesh.chores WHERE name = 'history'") == [(None,)]
        assert rows("SELECT count(*) FROM mesh.history") == [(1,)]
    assert rows("SELECT mesh.drop_old_history('14 days')") == [(1,)]
    assert rows("SELECT to_regclass(%s)", f"mesh.{name}") == [(None,)]


def test_what_is_old_in_the_default_partition_goes_in_batches(rows: Rows) -> None:
    end_jobs(rows, 25, rows("SELECT now() - interval '30 days'")[0][0])
    rows("SELECT mesh.drop_old_history('14 days', 10)")
    assert rows("SELECT count(*) FROM mesh.history_default") == [(15,)]


def test_minutes_firings_and_expired_keys_are_forgotten(rows: Rows) -> None:
    rows(
        "INSERT INTO mesh.job_minutes (minute, job_type, source, target, count)"
        " SELECT now() - make_interval(hours => h), %s, '', 'pending', 1 FROM unnest(ARRAY[47, 49]) AS h",
        TYPE,
    )
    rows(
        "INSERT INTO mesh.schedule_runs (schedule, fire_at, job_id)"
        " SELECT 's', now() - make_interval(days => d), gen_random_uuid() FROM unnest(ARRAY[1, 3]) AS d"
    )
    rows(
        "INSERT INTO mesh.job_keys (job_type, key, job_id, expires_at) VALUES (%s, 'over', gen_random_uuid(), now()),"
        " (%s, 'lasts', gen_random_uuid(), now() + interval '1 hour'), (%s, 'lives', gen_random_uuid(), NULL)",
        *[TYPE] * 3,
    )
    rows("SELECT mesh.prune('1 day')")
    counts = ("job_minutes", 1), ("schedule_runs", 1), ("job_keys", 2)
    assert [(name, rows(f"SELECT count(*) FROM mesh.{name}")[0][0]) for name, _ in counts] == list(counts)


def test_a_part_of_tick_that_fails_stops_no_other_and_is_said(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.enqueue(%s)", TYPE)
    claim(rows, worker_id, 1)
    rows("UPDATE mesh.workers SET expires_at = now() - interval '1 hour'")
    rows("SELECT mesh.enqueue(%s, delay => '1 hour')", TYPE)
    rows("UPDATE mesh.jobs SET run_at = now()")
    rows("ALTER TABLE mesh.jobs ADD CONSTRAINT refused CHECK (status <> 'pending' OR rescues > 0)")
    assert rows("SELECT mesh.tick()") == [(None,)]
    assert rows("SELECT count(*) FROM mesh.jobs WHERE rescues = 1") == [(1,)]
    assert "stuck" in health(rows)[1]
    rows("ALTER TABLE mesh.jobs DROP CONSTRAINT refused")
    rows("SELECT mesh.tick()")
    assert health(rows) == (True, [])


def test_a_lease_that_cannot_be_rescued_stops_no_other_and_is_said(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.enqueue(%s) FROM generate_series(1, 3)", TYPE)
    broken = claim(rows, worker_id, 1)[1][0]
    claim(rows, worker_id, 1)
    claim(rows, worker_id, 1)
    rows("UPDATE mesh.workers SET expires_at = now() - interval '1 hour'")
    rows(f"ALTER TABLE mesh.jobs ADD CONSTRAINT refused CHECK (id <> '{broken}')")
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.jobs WHERE rescues = 1") == [(2,)]
    assert "stuck" in health(rows)[1]
    assert any("refused" in str(row) for row in rows("SELECT last_error FROM mesh.chores"))
    rows("SELECT mesh.tick()")
    assert "stuck" in health(rows)[1], "it is said until it is rescued"
    rows("ALTER TABLE mesh.jobs DROP CONSTRAINT refused")
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.jobs WHERE rescues = 1") == [(3,)]
    assert health(rows) == (True, [])


@pytest.mark.parametrize("keep", ["'0'", "'-3 days'", "NULL"])
def test_no_tick_drops_the_history_of_today(rows: Rows, worker_id: str, keep: str) -> None:
    rows("SELECT mesh.enqueue(%s) FROM generate_series(1, 2)", TYPE)
    token, ids = claim(rows, worker_id, 2)
    complete(rows, token, ids)
    rows("UPDATE mesh.history SET completed_at = clock_timestamp() - interval '20 hours' WHERE id = %s", ids[0])
    rows("SELECT mesh.make_history_partitions()")
    rows("UPDATE mesh.chores SET done_at = '-infinity'")
    rows(f"SELECT mesh.tick({keep})")
    assert rows("SELECT count(*) FROM mesh.history") == [(2,)]


def test_a_tick_that_is_told_nothing_keeps_the_default(rows: Rows, worker_id: str) -> None:
    rows("SELECT mesh.enqueue(%s) FROM generate_series(1, 2)", TYPE)
    token, ids = claim(rows, worker_id, 2)
    complete(rows, token, ids)
    rows("UPDATE mesh.history SET completed_at = clock_timestamp() - interval '20 days' WHERE id = %s", ids[0])
    rows("UPDATE mesh.chores SET done_at = '-infinity'")
    rows("SELECT mesh.tick(NULL)")
    assert rows("SELECT id FROM mesh.history") == [(ids[1],)]


def test_counts_that_are_wrong_are_counted_again_from_the_rows(rows: Rows, worker_id: str, database_url: str) -> None:
    rows("SELECT mesh.enqueue(%s) FROM generate_series(1, 6)", TYPE)
    token, ids = claim(rows, worker_id, 4)
    complete(rows, token, ids[:2])
    rows("DELETE FROM mesh.history WHERE id = %s", ids[0])
    assert rows("SELECT * FROM mesh.recount()") == [], "what retention drops was counted nevertheless"
    rows("INSERT INTO mesh.jobs (job_type) SELECT %s FROM generate_series(1, 3)", TYPE)
    rows("UPDATE mesh.job_counts SET count = count + 7 WHERE state = 'running'")
    with connect(database_url) as other:
        other.execute("SELECT mesh.enqueue(%s)", (TYPE,))
        wrong = rows("SELECT state, counted, found FROM mesh.recount() ORDER BY 1")
        assert ("pending", 2, 5) in wrong
        rows("SELECT mesh.fold_moves()")
    counts = "SELECT enqueued, pending, running, completed FROM mesh.queue_stats() WHERE job_type = %s"
    assert rows(counts, TYPE) == [(10, 6, 2, 2)]
    assert rows("SELECT * FROM mesh.recount()") == []
