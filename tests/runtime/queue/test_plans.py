from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg
    from tests.runtime.queue.conftest import Rows

EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_level = notice;
SET client_min_messages = notice;
"""


def plans(connection: psycopg.Connection[Any], worker: str, claims: int) -> list[str]:
    """The plans of every statement that touches `mesh.jobs` in so many claims."""
    seen: list[str] = []
    connection.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
    connection.execute(EXPLAIN)
    for _ in range(claims):
        connection.execute("SELECT * FROM mesh.claim_jobs(%s, '{process_image,send_notification}', 50)", (worker,))
    connection.execute("SET auto_explain.log_min_duration = -1")
    return [text for text in seen if "jobs_ready" in text or "on jobs" in text]


def put(rows: Rows, count: int) -> None:
    rows(
        "INSERT INTO mesh.jobs (job_type, priority, payload) SELECT 'process_image', n %% 3, '{}'"
        " FROM generate_series(1, %s) n",
        count,
    )


@pytest.mark.parametrize("analyzed", ["empty", "full"])
def test_a_claim_reads_the_head_of_the_index_whatever_the_statistics_say(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str, analyzed: str
) -> None:
    if analyzed == "empty":
        rows("ANALYZE mesh.jobs")
    put(rows, 100_000)
    rows(
        "INSERT INTO mesh.jobs (job_type, status, run_at) SELECT 'process_image', 'scheduled', now() + '1 day'"
        " FROM generate_series(1, 20000)"
    )
    if analyzed == "full":
        rows("ANALYZE mesh.jobs")
    found = plans(auto, worker_id, 8)  # from the sixth execution on, PostgreSQL may choose a generic plan
    assert len(found) >= 16
    for plan in found:
        assert "Index Scan using jobs_ready" in plan or "Index Only Scan using jobs_ready" in plan, plan
        assert not re.search(r"(Seq Scan|Bitmap Heap Scan) on jobs", plan), plan
        most = max(int(rows) for rows in re.findall(r"on jobs.*actual rows=(\d+)", plan))
        assert most <= 50, plan
