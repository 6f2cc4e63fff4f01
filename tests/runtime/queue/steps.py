"""One step of a job's life each, and what must hold of the queue's tables after any of them."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.runtime.queue.conftest import Rows

TYPE = "process_image"

_STATES = """
SELECT job_type, state, count(*) FROM (
    SELECT job_type, status FROM mesh.jobs
    UNION ALL
    SELECT j.job_type, 'running' FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
    WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
    UNION ALL
    SELECT job_type, status FROM mesh.history
    UNION ALL
    SELECT job_type, 'dead' FROM mesh.dead_jobs
) AS found (job_type, state) GROUP BY 1, 2
"""
_COUNTS = "SELECT job_type, state, count FROM mesh.job_gauges WHERE state NOT IN ('enqueued', 'purged') AND count <> 0"
_BALANCE = """
SELECT job_type FROM mesh.job_gauges GROUP BY job_type
HAVING sum(count) FILTER (WHERE state = 'enqueued') IS DISTINCT FROM sum(count) FILTER (WHERE state <> 'enqueued')
"""
_HELD = """
SELECT held.gate, count(*)::integer FROM (
    SELECT gate FROM mesh.jobs WHERE status = 'pending'
    UNION ALL
    SELECT j.gate FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
    WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
) AS held WHERE held.gate IS NOT NULL GROUP BY 1
"""
_BEYOND = "SELECT key FROM mesh.gates WHERE admitted > most_running OR tokens < 0"
_LOOSE_EDGES = """
SELECT coalesce(j.id, e.child_id) FROM mesh.job_edges e
FULL JOIN (SELECT id FROM mesh.jobs WHERE blocked_by = 'parents') AS j ON j.id = e.child_id
WHERE j.id IS NULL OR e.child_id IS NULL
"""
_LOOSE_KEYS = "SELECT key FROM mesh.job_keys k WHERE expires_at IS NULL AND NOT EXISTS ({live})"
_LOOSE_NOTES = """
SELECT job_id FROM (SELECT job_id FROM mesh.cancellations UNION SELECT job_id FROM mesh.job_progress) AS k
WHERE NOT EXISTS ({live})
"""
_LIVE = """
SELECT FROM mesh.jobs j WHERE j.id = k.job_id UNION ALL
SELECT FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
WHERE j.id = k.job_id AND NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
"""


def assert_sound(rows: Rows) -> None:
    """Counters are equal to rows, slots to those who hold them, and nothing is left of what has ended."""
    assert sorted(rows(_COUNTS)) == sorted(rows(_STATES))
    assert rows(_BALANCE) == []
    assert sorted(rows("SELECT key, admitted FROM mesh.gates WHERE admitted > 0")) == sorted(rows(_HELD))
    assert rows(_BEYOND) == []
    assert rows(_LOOSE_EDGES) == []
    assert rows(_LOOSE_KEYS.format(live=_LIVE)) == []
    assert rows(_LOOSE_NOTES.format(live=_LIVE)) == []


def enqueue(rows: Rows, **options: object) -> UUID:
    """One job, with the options of mesh.enqueue."""
    named = ", ".join(f"{name} => %s" for name in options)
    return UUID(str(rows(f"SELECT mesh.enqueue('{TYPE}'{', ' if named else ''}{named})", *options.values())[0][0]))


def claim(rows: Rows, worker: str, most: int = 10) -> tuple[int, list[UUID]]:
    """A lease's token and jobs; 0 when nothing waits."""
    claimed = rows("SELECT token, id FROM mesh.claim_batch(%s, %s, %s)", worker, [TYPE], most)
    return (claimed[0][0] if claimed else 0), [row[1] for row in claimed]


def complete(rows: Rows, token: int, ids: Sequence[UUID]) -> int:
    """How many were accepted."""
    return int(rows("SELECT mesh.complete_jobs(%s, %s)", token, list(ids))[0][0])


def fail(rows: Rows, token: int, ids: Sequence[UUID], **how: Any) -> int:
    """How many were accepted."""
    failures = [{"id": str(job_id), "error": "boom", **how} for job_id in ids]
    return int(rows("SELECT mesh.fail_jobs(%s, %s)", token, json.dumps(failures))[0][0])


def release(rows: Rows, token: int, ids: Sequence[UUID], delay: str | None = None) -> int:
    """How many were accepted."""
    return int(rows("SELECT mesh.release_jobs(%s, %s, %s)", token, list(ids), delay)[0][0])


def bury(rows: Rows, worker: str) -> UUID:
    """Claims one job and buries it."""
    token, (job_id,) = claim(rows, worker, most=1)
    assert fail(rows, token, [job_id], reason="permanent") == 1
    return job_id


def rescue(rows: Rows) -> None:
    """The worker is declared dead, its jobs are rescued, and another takes its place under the same id."""
    rows("UPDATE mesh.workers SET expires_at = clock_timestamp() - interval '1 hour'")
    saved = rows("SELECT id, name, types FROM mesh.workers")
    rows("SELECT mesh.tick()")
    for worker, name, types in saved:
        rows(
            "INSERT INTO mesh.workers (id, name, types, expires_at) VALUES (%s, %s, %s, now() + interval '1 hour')",
            worker,
            name,
            types,
        )


def hurry(rows: Rows) -> None:
    """What is scheduled is due now."""
    rows("UPDATE mesh.jobs SET run_at = clock_timestamp() - interval '1 second' WHERE status = 'scheduled'")
    rows("SELECT mesh.tick()")


def state(rows: Rows, job_id: UUID) -> str | None:
    """Where a job is; None when it is unknown."""
    found = rows("SELECT state FROM mesh.job_state(%s)", job_id)
    return str(found[0][0]) if found else None


def in_the_background(url: str, sql: str, *parameters: object) -> tuple[threading.Thread, list[Any]]:
    """A statement in a session of its own, and what came of it."""
    answers: list[Any] = []

    def run() -> None:
        with connect(url, autocommit=True) as connection:
            try:
                cursor = connection.execute(sql.encode(), parameters or None)
                answers.append(cursor.fetchone() if cursor.description else None)
            except psycopg.Error as error:
                answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def wait_for_a_lock(rows: Rows) -> None:
    """Until some session waits for another."""
    for _ in range(500):
        if rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"):
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits")
