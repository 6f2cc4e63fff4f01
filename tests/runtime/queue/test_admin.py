"""What people see of jobs: each once, wherever it is, without its secrets, and without reading them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import queries
from mesh_runtime.queue.admin import NoSuchJobError, count_jobs, find_job, list_jobs, matching_jobs, surroundings
from mesh_runtime.queue.known import JobFilter
from mesh_runtime.queue.masking import MASK

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg
    from tests.runtime.queue.conftest import Rows


@pytest.fixture
def jobs(rows: Rows) -> list[UUID]:
    """Three jobs of one type, whose token is secret."""
    rows("SELECT mesh.register_job_types('{greet}', '{\"greet\": [\"token\"]}')")
    statement = (
        "SELECT mesh.enqueue('greet', jsonb_build_object('token', 'hunter' || g)) FROM generate_series(1, 3) AS g"
    )
    return sorted(row[0] for row in rows(statement))


def test_a_running_job_is_shown_with_who_runs_it_and_those_that_ended_early_are_shown_once(
    auto: psycopg.Connection[Any], rows: Rows, jobs: list[UUID], worker_id: str
) -> None:
    rows("SELECT mesh.claim_lease('{greet}', 3, %s, 'somebody', NULL)", worker_id)
    ((token,),) = rows("SELECT token FROM mesh.leases")
    rows("SELECT mesh.complete_jobs(%s, %s::uuid[])", token, [jobs[0]])
    found = {job.id: job for job in list_jobs(auto, JobFilter())}
    assert {job.state for job in found.values()} == {"running", "completed"}
    assert found[jobs[0]].state == "completed"
    assert [(found[jobs[1]].owner,)] == rows("SELECT name FROM mesh.workers"), "as mesh queue workers calls it"
    assert found[jobs[1]].token == token
    assert count_jobs(auto, JobFilter()) == {("greet", "completed"): 1, ("greet", "running"): 2}


def test_progress_cancellation_and_relatives_are_shown_without_secrets(
    auto: psycopg.Connection[Any], rows: Rows, jobs: list[UUID]
) -> None:
    ((child,),) = rows("SELECT mesh.enqueue('greet', after => %s::uuid[])", jobs[:2])
    rows("INSERT INTO mesh.job_progress (job_id, fraction, note) VALUES (%s, 0.5, 'sent hunter1')", jobs[0])
    rows("INSERT INTO mesh.cancellations (job_id) VALUES (%s)", jobs[0])
    around = surroundings(auto, find_job(auto, str(jobs[0])))
    assert (around.fraction, around.note, around.waited_for_by) == (0.5, f"sent {MASK}", [child])
    assert around.requested_at is not None
    assert surroundings(auto, find_job(auto, str(child))).waits_for == jobs[:2]


def test_a_secret_is_in_no_value_that_leaves(auto: psycopg.Connection[Any], rows: Rows, jobs: list[UUID]) -> None:
    rows("SELECT mesh.enqueue('greet', '{\"token\": \"hunter9\"}', unique_key => 'of hunter9', max_attempts => 1)")
    rows("SELECT public.claim_next_job('rpc', '{greet}')")
    ((token, job),) = rows("SELECT token, (jobs[1]).id FROM mesh.leases")
    rows("SELECT public.fail_job(%s, 'hunter1 is wrong', %s)", job, token)
    assert job in jobs
    shown = "".join(str(one.to_json()) + repr(one) for one in list_jobs(auto, JobFilter()))
    assert "hunter" not in shown
    assert f"of {MASK}" in shown
    assert f"{MASK} is wrong" in shown


def test_filters_combine(auto: psycopg.Connection[Any], rows: Rows, jobs: list[UUID]) -> None:
    rows("SELECT mesh.enqueue('greet', user_id => '7', delay => '1 h')")
    assert len(list_jobs(auto, JobFilter(types=("greet",), states=("scheduled",), user_id="7"))) == 1
    assert list_jobs(auto, JobFilter(states=("scheduled",), user_id="8")) == []
    assert [job.id for job in list_jobs(auto, JobFilter(ids=tuple(jobs[:2])))] == jobs[1::-1]


def test_every_job_that_is_meant_is_met_once(auto: psycopg.Connection[Any], rows: Rows, jobs: list[UUID]) -> None:
    rows("SELECT count(mesh.enqueue('greet')) FROM generate_series(1, 2100)")
    chunks = list(matching_jobs(auto, JobFilter(types=("greet",))))
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 103]
    assert len({job for chunk in chunks for job in chunk}) == 2100 + len(jobs)


def test_an_id_that_does_not_come_to_one_job_is_refused(auto: psycopg.Connection[Any], jobs: list[UUID]) -> None:
    for given in (str(jobs[0])[:4], "ffffffff", "%%%%", "' OR 1=1", "", "a" * 33):
        with pytest.raises(NoSuchJobError):
            find_job(auto, given)


def test_the_newest_jobs_are_listed_without_reading_the_others(auto: psycopg.Connection[Any], rows: Rows) -> None:
    rows("SELECT mesh.register_job_types('{greet}')")
    rows(
        "INSERT INTO mesh.history (id, job_type, status, priority, payload, payload_version, attempts, rescues,"
        " created_at) SELECT mesh.uuidv7(), 'greet', 'completed', 0, '{}', 1, 1, 0, now() FROM generate_series(1, 9999)"
    )
    rows("INSERT INTO mesh.jobs (job_type) SELECT 'greet' FROM generate_series(1, 50000)")
    rows("ANALYZE mesh.jobs, mesh.history")
    statement = "EXPLAIN " + queries("queue_admin")["list_jobs"].sql
    plan = "\n".join(
        row[0] for row in auto.execute(statement.encode(), JobFilter(types=("greet",)).parameters() | {"limit": 20})
    )
    assert "Merge Append" in plan
    assert "Seq Scan on jobs" not in plan
    assert "Seq Scan on history" not in plan
