from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.runtime.queue.steps import (
    TYPE,
    bury,
    claim,
    complete,
    enqueue,
    fail,
    hurry,
    in_the_background,
    release,
    rescue,
    state,
    wait_for_a_lock,
)

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")

WAITING = "SELECT status, array_agg(priority ORDER BY priority) FROM mesh.jobs GROUP BY 1 ORDER BY 1"


def admitted(rows: Rows, key: str = "a") -> int:
    return int(rows("SELECT admitted FROM mesh.gates WHERE key = %s", key)[0][0])


def fill(rows: Rows, jobs: int, most: int | None = 1, rate: float | None = None, burst: int | None = None) -> None:
    rows("SELECT mesh.define_gate('a', %s, %s, %s)", most, rate, burst)
    rows("SELECT mesh.enqueue(%s, gate => 'a') FROM generate_series(1, %s)", TYPE, jobs)


def test_a_gate_is_defined_changed_and_checked(rows: Rows) -> None:
    rows("SELECT mesh.define_gate('a', 2)")
    rows("SELECT mesh.define_gate('a', 2, 0.5)")
    rows("SELECT mesh.define_gate('b', rate => 3, burst => 1)")
    found = "SELECT key, most_running, rate, burst, round(tokens) FROM mesh.gates ORDER BY key"
    assert rows(found) == [("a", 2, 0.5, 1, 1), ("b", None, 3, 1, 1)]
    rows("SELECT mesh.define_gate('a', 3)")
    assert rows(found)[0] == ("a", 3, None, None, None)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("''", "no key"),
        ("repeat('x', 1001), 1", "longer than 1000 bytes"),
        ("'debounce:x', 1", "the queue's own"),
        ("'a'", "limits nothing"),
        ("'a', 0", "most_running is not positive"),
        ("'a', rate => 'NaN'", "not a positive number"),
        ("'a', rate => -1", "not a positive number"),
        ("'a', 1, burst => 2", "burst needs a rate"),
        ("'a', rate => 1, burst => 0", "burst is not positive"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(rows: Rows, arguments: str, why: str) -> None:
    with pytest.raises(psycopg.Error, match=why) as raised:
        rows(f"SELECT mesh.define_gate({arguments})")
    assert raised.value.sqlstate == "PT422"


def test_as_many_jobs_are_admitted_as_the_gate_has_room_for_and_urgent_ones_first(rows: Rows) -> None:
    rows("SELECT mesh.define_gate('a', 2)")
    rows("SELECT mesh.enqueue(%s, gate => 'a', priority => n) FROM generate_series(1, 5) n", TYPE)
    assert rows(WAITING) == [("blocked", [1, 2, 3]), ("pending", [4, 5])]
    rows("SELECT mesh.define_gate('a', 4)")
    assert rows(WAITING) == [("blocked", [1]), ("pending", [2, 3, 4, 5])], "a wider gate lets more in"
    rows("SELECT mesh.define_gate('a', 1)")
    rows("SELECT mesh.tick()")
    assert rows("SELECT count(*) FROM mesh.jobs WHERE status = 'pending'") == [(4,)], "who is in stays in"
    rows("UPDATE mesh.gates SET most_running = 4")


def test_every_end_lets_the_next_job_in(rows: Rows, worker_id: str) -> None:
    fill(rows, 5)
    for end in (
        lambda token, ids: complete(rows, token, ids),
        lambda token, ids: fail(rows, token, ids, reason="permanent"),
        lambda token, ids: rows("SELECT mesh.cancel_leased(%s, %s)", token, ids)[0][0],
        lambda token, ids: fail(rows, token, ids, retry_after=60),
        lambda token, ids: release(rows, token, ids, "1 minute"),
    ):
        token, ids = claim(rows, worker_id)
        assert (len(ids), admitted(rows)) == (1, 1)
        assert end(token, ids) == 1
    assert admitted(rows) == 0
    hurry(rows)
    assert rows("SELECT status, count(*) FROM mesh.jobs GROUP BY 1 ORDER BY 1") == [("blocked", 1), ("pending", 1)]


def test_a_rescue_and_a_release_keep_the_slot(rows: Rows, worker_id: str) -> None:
    fill(rows, 2)
    token, held = claim(rows, worker_id)
    assert release(rows, token, held) == 1
    assert claim(rows, worker_id)[1] == held
    rescue(rows)
    assert admitted(rows) == 1
    assert claim(rows, worker_id)[1] == held


def test_the_sixth_rescue_frees_the_slot(rows: Rows, worker_id: str) -> None:
    fill(rows, 2)
    rows("UPDATE mesh.jobs SET rescues = 5 WHERE status = 'pending'")
    _, (first,) = claim(rows, worker_id)
    rescue(rows)
    assert state(rows, first) == "dead"
    assert claim(rows, worker_id)[1] not in ([], [first])


def test_a_cancelled_job_frees_its_slot_only_if_it_had_one(rows: Rows, worker_id: str) -> None:
    fill(rows, 3)
    ((blocked,),) = rows("SELECT id FROM mesh.jobs WHERE status = 'blocked' LIMIT 1")
    ((pending,),) = rows("SELECT id FROM mesh.jobs WHERE status = 'pending'")
    rows("SELECT * FROM mesh.cancel_jobs(%s)", [blocked])
    assert rows("SELECT id FROM mesh.jobs WHERE status = 'pending'") == [(pending,)]
    rows("SELECT * FROM mesh.cancel_jobs(%s)", [pending])
    assert len(claim(rows, worker_id)[1]) == 1


def test_a_rate_lets_a_burst_in_and_then_one_at_a_time(rows: Rows) -> None:
    fill(rows, 10, most=None, rate=0.001, burst=3)
    pending = "SELECT count(*) FROM mesh.jobs WHERE status = 'pending'"
    assert rows(pending) == [(3,)]
    rows("SELECT mesh.tick()")
    assert rows(pending) == [(3,)]
    assert 900 < rows("SELECT mesh.next_gate_due()")[0][0] < 1000
    rows("UPDATE mesh.gates SET refilled_at = refilled_at - interval '2000 seconds'")
    assert rows("SELECT mesh.tick() < 1000") == [(True,)]
    assert rows(pending) == [(5,)]
    rows("UPDATE mesh.gates SET refilled_at = refilled_at - interval '1 year'")
    rows("SELECT mesh.tick()")
    assert rows(pending) == [(8,)], "the bucket holds no more than a burst"


def test_a_retry_needs_another_token_and_a_rescue_does_not(rows: Rows, worker_id: str) -> None:
    fill(rows, 1, most=None, rate=0.001, burst=1)
    claim(rows, worker_id)
    rescue(rows)
    token, ids = claim(rows, worker_id)
    fail(rows, token, ids, retry_after=0)
    hurry(rows)
    assert rows("SELECT status, blocked_by FROM mesh.jobs") == [("blocked", "gate")]


def test_gates_do_not_hold_up_other_jobs(rows: Rows, worker_id: str) -> None:
    fill(rows, 50)
    free = enqueue(rows)
    assert free in claim(rows, worker_id)[1]


def test_an_enqueuer_whose_transaction_stays_open_holds_no_gate(rows: Rows, worker_id: str, database_url: str) -> None:
    fill(rows, 2)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as slow:
        slow.execute("SELECT mesh.enqueue(%s, gate => 'a')", (TYPE,))
        rows("SET lock_timeout = '1s'")
        assert complete(rows, token, ids) == 1
        token, ids = claim(rows, worker_id)
        assert complete(rows, token, ids) == 1
    assert len(claim(rows, worker_id)[1]) == 1, "admitted as the enqueuer committed"


def test_a_debounced_job_runs_alone_and_leaves_no_gate_behind(rows: Rows, worker_id: str) -> None:
    enqueue(rows, debounce_key="k")
    token, ids = claim(rows, worker_id)
    second = enqueue(rows, debounce_key="k")
    rows("SELECT mesh.tick()")
    assert second not in ids
    assert claim(rows, worker_id)[1] == []
    complete(rows, token, ids)
    token, ids = claim(rows, worker_id)
    assert ids == [second]
    complete(rows, token, ids)
    assert rows("SELECT count(*) FROM mesh.gates") == [(0,)]


def test_a_dead_letter_of_a_gate_comes_back_through_it(rows: Rows, worker_id: str) -> None:
    fill(rows, 2)
    dead = bury(rows, worker_id)
    assert rows("SELECT outcome FROM mesh.redrive_jobs(%s)", [dead]) == [("redriven",)]
    assert state(rows, dead) == "blocked"


SAMPLE = """
SELECT g.key, g.most_running, count(j.*) FROM mesh.gates g JOIN (
    SELECT gate FROM mesh.jobs WHERE status = 'pending' AND gate IS NOT NULL
    UNION ALL
    SELECT j.gate FROM mesh.leases l CROSS JOIN unnest(l.jobs) AS j
    WHERE NOT EXISTS (SELECT FROM mesh.lease_ends e WHERE e.token = l.token AND e.job_id = j.id)
) AS j ON j.gate = g.key GROUP BY 1, 2 HAVING count(j.*) > g.most_running OR max(g.admitted) > g.most_running
"""


RIVAL = """
DO $rival$
DECLARE
    lease bigint;
    ids uuid[];
    half uuid[];
BEGIN
    FOR turn IN 1 .. {turns} LOOP
        PERFORM mesh.enqueue('process_image', {option} => chr(97 + turn % 2), max_attempts => 2);
        COMMIT;
        SELECT min(c.token), array_agg(c.id) INTO lease, ids
        FROM mesh.claim_batch('{worker}', '{{process_image}}', 2) AS c;
        COMMIT;
        half := ids[1 : floor(random() * 3)::integer];
        CASE floor(random() * 8)
            WHEN 0 THEN PERFORM mesh.fail_jobs(lease, (SELECT jsonb_agg(jsonb_build_object('id', i, 'retry_after', 0))
                                                       FROM unnest(half) AS i)) WHERE cardinality(half) > 0;
            WHEN 1 THEN PERFORM mesh.release_jobs(lease, half);
            WHEN 2 THEN PERFORM mesh.release_jobs(lease, half, '1 millisecond');
            WHEN 3 THEN PERFORM mesh.rescue_lease(l)
                        FROM (SELECT * FROM mesh.leases WHERE token = lease FOR UPDATE) AS l;
            WHEN 4 THEN PERFORM mesh.cancel_jobs(half);
            WHEN 5 THEN PERFORM mesh.tick();
            ELSE NULL;
        END CASE;
        COMMIT;
        PERFORM mesh.complete_jobs(lease, ids) WHERE lease IS NOT NULL;
        COMMIT;
    END LOOP;
END $rival$
"""
"""Claims jobs and ends them in every way, as fast as the server can."""


@pytest.mark.parametrize("option", ["gate", "debounce_key"])
def test_no_more_than_the_limit_is_ever_admitted_whatever_happens_at_once(
    rows: Rows, worker_id: str, database_url: str, option: str
) -> None:
    for key in ("a", "b"):
        rows("SELECT mesh.define_gate(%s, 2)", key)
    program = RIVAL.format(turns=120, option=option, worker=worker_id)
    rivals = [in_the_background(database_url, program) for _ in range(4)]
    beyond = []
    while any(thread.is_alive() for thread, _ in rivals):
        beyond += rows(SAMPLE)
    assert beyond == []
    assert [answers for _, answers in rivals] == [[None]] * 4
    settle(rows, worker_id)
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)], "nothing is stuck"


def settle(rows: Rows, worker: str) -> None:
    """Everything that is left runs to its end."""
    for token, jobs in rows("SELECT token, ARRAY(SELECT j.id FROM unnest(jobs) j) FROM mesh.leases"):
        complete(rows, token, jobs)
    rows("UPDATE mesh.cancellations SET requested_at = requested_at - interval '1 minute'")
    for _ in range(400):
        hurry(rows)
        token, ids = claim(rows, worker, most=100)
        complete(rows, token, ids)
        if not rows("SELECT 1 FROM mesh.jobs LIMIT 1"):
            return


@pytest.mark.parametrize("blocked", [0, 1, 3])
def test_two_ends_at_once_give_back_two_slots(rows: Rows, worker_id: str, database_url: str, blocked: int) -> None:
    fill(rows, 2 + blocked, most=2)
    one, two = claim(rows, worker_id, most=1), claim(rows, worker_id, most=1)
    with connect(database_url) as first:
        first.execute("SELECT mesh.complete_jobs(%s, %s)", one)
        thread, answers = in_the_background(database_url, "SELECT mesh.complete_jobs(%s, %s)", *two)
        wait_for_a_lock(rows)
        first.commit()
    thread.join()
    assert answers == [(1,)]
    assert admitted(rows) == min(blocked, 2)


def test_who_enqueues_from_an_old_snapshot_is_not_refused(rows: Rows, worker_id: str, database_url: str) -> None:
    fill(rows, 2)
    token, ids = claim(rows, worker_id)
    with connect(database_url) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1 FROM mesh.gates")
        complete(rows, token, ids)
        complete(rows, *claim(rows, worker_id))
        old.execute("SELECT mesh.enqueue(%s, gate => 'a')", (TYPE,))
    assert rows("SELECT status FROM mesh.jobs") == [("blocked",)]
    rows("SELECT mesh.tick()")
    assert rows("SELECT status FROM mesh.jobs") == [("pending",)]


@pytest.mark.parametrize("counted", [False, True])
def test_the_next_job_of_a_gate_is_found_without_reading_the_others(rows: Rows, counted: bool) -> None:
    rows("SELECT mesh.define_gate('a', 1)")
    if not counted:
        rows("ANALYZE mesh.jobs")
    blocked = (
        "INSERT INTO mesh.jobs (job_type, status, blocked_by, gate, priority) SELECT %s, 'blocked', 'gate', %s, n %% 11"
    )
    rows("ALTER TABLE mesh.jobs DISABLE TRIGGER admit_enqueued")
    for gate in ("a", "b"):
        rows(f"{blocked} FROM generate_series(1, 20000) n", TYPE, gate)
    rows("ALTER TABLE mesh.jobs ENABLE TRIGGER admit_enqueued")
    rows("INSERT INTO mesh.job_moves (job_type, target, count) VALUES (%s, 'blocked', 40000)", TYPE)
    if counted:
        rows("VACUUM ANALYZE mesh.jobs")
    read = "SELECT sum(seq_tup_read)::int, sum(idx_tup_fetch)::int FROM pg_stat_xact_user_tables WHERE relname = 'jobs'"
    rows("BEGIN")
    ((scanned, fetched),) = rows(read)
    rows("SELECT mesh.admit_jobs('{a}')")
    ((scanned_since, fetched_since),) = rows(read)
    assert (scanned_since - scanned, fetched_since - fetched) in ((0, 1), (0, 2))
    rows("COMMIT")
