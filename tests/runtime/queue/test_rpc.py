from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

CLAIM = "SELECT id, lease_token FROM claim_next_job('function-1')"


@pytest.fixture
def claimed(rows: Rows) -> tuple[Any, Any]:
    """The id and token of a job that was claimed over RPC."""
    rows("SELECT mesh.enqueue('sync_like_count', '{\"post_id\": 1}')")
    return rows(CLAIM)[0]  # type: ignore[return-value]  two columns


def refused(rows: Rows, sql: str, *parameters: object) -> str:
    with pytest.raises(psycopg.Error) as raised:
        rows(sql, *parameters)
    assert raised.value.sqlstate == "PT409"
    return str(raised.value)


def test_a_job_is_claimed_and_completed_under_the_known_names(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('sync_like_count', '{\"post_id\": 1}', priority => 5)")
    ((job_id, status, attempts, payload, priority, token),) = rows(
        "SELECT id, status, attempts, payload, priority, lease_token"
        " FROM claim_next_job(worker_id => 'function-1', job_types => ARRAY['sync_like_count'])"
    )
    assert (status, attempts, payload, priority) == ("processing", 1, {"post_id": 1}, 5)
    rows("SELECT complete_job(job_id => %s, job_result => '{\"likes\": 3}', lease_token => %s)", job_id, token)
    assert rows("SELECT id, job_type, status, attempts, result, duration_ms >= 0 FROM job_history") == [
        (job_id, "sync_like_count", "completed", 1, {"likes": 3}, True)
    ]
    assert rows("SELECT count(*) FROM background_jobs") == [(0,)]


def test_an_empty_queue_gives_a_row_of_nulls(rows: Rows) -> None:
    assert rows(CLAIM) == [(None, None)]


def test_only_the_wanted_types_are_claimed(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('sync_like_count')")
    assert rows("SELECT id FROM claim_next_job('f', ARRAY['process_image'])") == [(None,)]
    assert rows("SELECT id FROM claim_next_job('f', NULL)") != [(None,)]


def test_a_failed_job_is_retried_later_and_says_why(rows: Rows, claimed: tuple[Any, Any]) -> None:
    rows("SELECT fail_job(%s, 'boom', %s)", *claimed)
    assert rows(
        "SELECT status, attempts, error_message, failed_at <= now(), scheduled_for > failed_at, lease_token"
        " FROM background_jobs"
    ) == [("scheduled", 1, "boom", True, True, None)]


@pytest.mark.parametrize("token", [None, 999_999])
def test_a_missing_or_wrong_token_is_a_conflict_and_changes_nothing(
    rows: Rows, claimed: tuple[Any, Any], token: int | None
) -> None:
    for call in ("complete_job(%s, NULL, %s)", "fail_job(%s, 'boom', %s)", "heartbeat_job(%s, %s)"):
        assert "pass the lease_token" in refused(rows, f"SELECT {call}", claimed[0], token).lower()
    assert rows("SELECT status, attempts FROM background_jobs") == [("processing", 1)]


def test_a_token_of_another_job_is_a_conflict(rows: Rows, claimed: tuple[Any, Any]) -> None:
    rows("SELECT mesh.enqueue('process_image')")
    ((_, other),) = rows(CLAIM)
    refused(rows, "SELECT complete_job(%s, NULL, %s)", claimed[0], other)
    refused(rows, "SELECT heartbeat_job(%s, %s)", claimed[0], other)
    assert rows("SELECT count(*) FROM background_jobs WHERE status = 'processing'") == [(2,)]


def test_a_job_is_completed_once(rows: Rows, claimed: tuple[Any, Any]) -> None:
    rows("SELECT complete_job(%s, NULL, %s)", *claimed)
    refused(rows, "SELECT complete_job(%s, NULL, %s)", *claimed)
    refused(rows, "SELECT fail_job(%s, 'late', %s)", *claimed)
    assert rows("SELECT count(*) FROM job_history") == [(1,)]


def test_a_claim_that_expired_is_given_to_the_next_caller(rows: Rows, claimed: tuple[Any, Any]) -> None:
    rows("UPDATE mesh.leases SET expires_at = clock_timestamp() - interval '1 second'")
    ((job_id, token),) = rows(CLAIM)
    assert job_id == claimed[0]
    assert token > claimed[1]
    refused(rows, "SELECT complete_job(%s, NULL, %s)", *claimed)
    rows("SELECT complete_job(%s, NULL, %s)", job_id, token)


def test_a_heartbeat_keeps_a_claim(rows: Rows, claimed: tuple[Any, Any]) -> None:
    rows("UPDATE mesh.leases SET expires_at = clock_timestamp() + interval '1 second'")
    ((left,),) = rows("SELECT extract(epoch FROM heartbeat_job(%s, %s) - clock_timestamp())::float8", *claimed)
    assert left == pytest.approx(60, abs=2)


def test_an_idle_caller_promotes_what_is_due(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('process_image', delay => '1 hour')")
    rows("UPDATE mesh.jobs SET run_at = now() - interval '1 second'")
    assert rows("SELECT status FROM claim_next_job('f')") == [("processing",)]


INSERT = """
INSERT INTO background_jobs (job_type, payload, priority, scheduled_for, idempotency_key, max_attempts)
VALUES ('sync_like_count', '{"postId": "test-1"}', 0, now(), %s, 3) RETURNING *
"""


def test_a_job_is_enqueued_by_inserting_it(rows: Rows) -> None:
    inserted = rows(INSERT, "test-dedup-1")
    assert inserted == rows("SELECT * FROM background_jobs")
    assert rows("SELECT job_type, status, idempotency_key, user_id FROM background_jobs") == [
        ("sync_like_count", "pending", "test-dedup-1", None)
    ]


def test_what_is_left_out_of_an_insert_has_defaults(rows: Rows) -> None:
    rows("INSERT INTO background_jobs (job_type) VALUES ('process_image'), ('process_image')")
    rows("INSERT INTO background_jobs (job_type, scheduled_for) VALUES ('process_image', now() + interval '1 day')")
    assert rows("SELECT status, payload, priority, max_attempts FROM background_jobs ORDER BY id") == [
        ("pending", {}, 0, 3),
        ("pending", {}, 0, 3),
        ("scheduled", {}, 0, 3),
    ]


def test_a_duplicate_key_is_the_error_that_callers_know_until_the_job_has_ended(rows: Rows) -> None:
    rows(INSERT, "k")
    with pytest.raises(psycopg.errors.UniqueViolation, match="idempotency_key"):
        rows(INSERT, "k")
    assert rows("SELECT count(*) FROM background_jobs") == [(1,)]
    rows("SELECT complete_job(%s, NULL, %s)", *rows(CLAIM)[0])
    rows(INSERT, "k")
    assert rows("SELECT idempotency_key FROM job_history") == [("k",)]


def test_an_insert_is_checked_as_any_job(rows: Rows) -> None:
    with pytest.raises(psycopg.Error, match="unknown job type"):
        rows("INSERT INTO background_jobs (job_type) VALUES ('nope')")
    with pytest.raises(psycopg.Error, match="priority is not between 0 and 10"):
        rows("INSERT INTO background_jobs (job_type, priority) VALUES ('process_image', 99)")


def test_a_heartbeat_hears_of_a_cancellation(rows: Rows, claimed: tuple[Any, Any]) -> None:
    rows("SELECT mesh.cancel_jobs(ARRAY[%s::uuid])", claimed[0])
    assert rows("SELECT heartbeat_job(%s, %s)", *claimed) == [(None,)]
    assert rows("SELECT id, status FROM job_history") == [(claimed[0], "cancelled")]
    refused(rows, "SELECT complete_job(%s, NULL, %s)", *claimed)


def test_a_blocked_job_says_so(rows: Rows) -> None:
    rows("SELECT mesh.enqueue('process_image', after => ARRAY[mesh.enqueue('sync_like_count')])")
    assert rows("SELECT status FROM background_jobs ORDER BY created_at, id") == [("pending",), ("blocked",)]


def test_the_views_have_the_columns_that_callers_know(rows: Rows) -> None:
    rows(
        "SELECT id, job_type, payload, status, priority, attempts, max_attempts, scheduled_for, started_at,"
        " completed_at, failed_at, error_message, result, created_at, updated_at, idempotency_key FROM background_jobs"
    )
    rows(
        "SELECT id, job_type, payload, status, attempts, error_message, result, duration_ms, created_at, completed_at"
        " FROM job_history"
    )
