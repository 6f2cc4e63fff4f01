"""What claims and ticks read, whatever the statistics say and however much lies beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from tests.runtime.queue.conftest import Rows

EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_level = notice;
SET client_min_messages = notice;
"""
TYPES = "{process_image,send_notification}"


def plans(connection: psycopg.Connection[Any], run: Callable[[], object]) -> list[str]:
    """The plans of every statement that touches `mesh.jobs` while `run` runs."""
    seen: list[str] = []
    connection.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
    connection.execute(EXPLAIN)
    run()
    connection.execute("SET auto_explain.log_min_duration = -1")
    return [text for text in seen if re.search(r"on jobs\b", text)]


def put(rows: Rows, count: int) -> None:
    rows(
        "INSERT INTO mesh.jobs (job_type, priority, payload) SELECT 'process_image', n %% 3, '{}'"
        " FROM generate_series(1, %s) n",
        count,
    )


def put_far_future(rows: Rows, count: int) -> None:
    rows(
        "INSERT INTO mesh.jobs (job_type, status, run_at) SELECT 'process_image', 'scheduled', now() + interval '1 day'"
        " FROM generate_series(1, %s)",
        count,
    )


def most_rows(plan: str) -> int:
    """The most rows that a node read of the table, whether they passed its filter or not."""
    read = [float(found) for found in re.findall(r"on jobs.*actual rows=([\d.]+)", plan)]
    removed = [float(found) for found in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
    never = [0.0 for _ in re.findall(r"on jobs.*never executed", plan)]
    return int(max([*read, *removed, *never]))


def assert_reads_the_index_only(plan: str, index: str) -> None:
    assert re.search(rf"Index (Only )?Scan using {index}", plan), plan
    assert not re.search(r"(Seq Scan|Bitmap Heap Scan) on jobs|Sort Key: j.(priority|run_at)", plan), plan


@pytest.mark.parametrize("analyzed", ["empty", "full"])
def test_a_claim_reads_the_head_of_the_index_whatever_the_statistics_say(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str, analyzed: str
) -> None:
    if analyzed == "empty":
        rows("ANALYZE mesh.jobs")
    put(rows, 100_000)
    put_far_future(rows, 20_000)
    if analyzed == "full":
        rows("ANALYZE mesh.jobs")
    floors = rows("SELECT mesh.lane_floors(%s)", TYPES)[0][0]

    def claim() -> None:
        for _ in range(8):  # from the sixth execution on, PostgreSQL may choose a generic plan
            rows("SELECT * FROM mesh.claim_batch(%s, %s, 50, floors => %s)", worker_id, TYPES, floors)
        rows("SELECT mesh.lane_floors(%s)", TYPES)

    found = plans(auto, claim)
    assert len(found) >= 17
    for plan in found:
        assert_reads_the_index_only(plan, "jobs_ready")
        assert most_rows(plan) <= 50, plan


def test_a_claim_above_the_floor_steps_over_nothing_that_was_claimed_before_while_an_old_snapshot_is_open(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str, database_url: str
) -> None:
    rows("INSERT INTO mesh.jobs (job_type) SELECT 'process_image' FROM generate_series(1, 20100)")
    rows("VACUUM ANALYZE mesh.jobs")
    with connect(database_url) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM mesh.jobs")
        for _ in range(40):
            last = rows("SELECT max(seq) FROM mesh.claim_batch(%s, %s, 500)", worker_id, TYPES)[0][0]
        floors = rows("SELECT mesh.lane_floors(%s)", TYPES)[0][0]
        assert floors[0] == last

        def claim() -> None:
            assert len(rows("SELECT * FROM mesh.claim_batch(%s, %s, 50, floors => %s)", worker_id, TYPES, floors)) == 50

        pages = [int(re.findall(r"Buffers: shared hit=(\d+)", plan)[0]) for plan in plans(auto, claim)]
    # To find the lane's head; and to lock, delete and put away 50 jobs. From the lane's beginning it would be 450.
    assert pages[0] < 100
    assert pages[1] < 400


@pytest.mark.parametrize("analyzed", ["empty", "full"])
def test_a_tick_does_not_read_jobs_of_the_far_future(auto: psycopg.Connection[Any], rows: Rows, analyzed: str) -> None:
    if analyzed == "empty":
        rows("ANALYZE mesh.jobs")
    put_far_future(rows, 50_000)
    if analyzed == "full":
        rows("ANALYZE mesh.jobs")
    found = plans(auto, lambda: [rows("SELECT mesh.tick()") for _ in range(8)])
    assert len(found) >= 16
    for plan in found:
        assert not re.search(r"(Seq Scan|Bitmap Heap Scan) on jobs\b", plan), plan
        assert most_rows(plan) <= 1, plan
