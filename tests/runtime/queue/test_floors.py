"""Claims begin where the last one ended; what lies below is found in time."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.runtime.queue.conftest import eventually

from mesh_runtime.database import connect
from mesh_runtime.queue import Job, JobContext, Worker, by_type, clock, job
from mesh_runtime.queue.events import Events
from mesh_runtime.queue.floors import Floors, named_lane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.runtime.queue.conftest import Rows

    from mesh_runtime.settings import Settings

TYPE = "process_image"


def a_job(seq: int, *, priority: int = 0) -> Job:
    return Job(1, uuid.uuid4(), TYPE, priority, "{}", 1, None, 1, 3, 0, datetime.now(UTC), seq)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    time = [100.0]
    monkeypatch.setattr(clock, "seconds", lambda: time[0])
    return time


def claim(
    rows: Rows,
    worker: str,
    floors: list[int] | None,
    most: int = 10,
    *,
    alone: bool = True,
    named: int | None = None,
    types: Sequence[str] = (TYPE,),
) -> list[int]:
    """The places of the jobs that one claim took."""
    sql = "SELECT seq FROM mesh.claim_batch(%s, %s, %s, false, %s, %s, %s) ORDER BY 1"
    return [seq for (seq,) in rows(sql, worker, list(types), most, alone, floors, named)]


def floors_of(rows: Rows, *, alone: bool = True) -> list[int]:
    found: list[int] = rows("SELECT mesh.lane_floors(ARRAY[%s], %s)", TYPE, alone)[0][0]
    return found


def put(rows: Rows, count: int, *, priority: int = 0, rescues: int = 0) -> None:
    rows(
        "INSERT INTO mesh.jobs (job_type, priority, rescues) SELECT %s, %s, %s FROM generate_series(1, %s)",
        TYPE,
        priority,
        rescues,
        count,
    )


def test_a_claim_takes_nothing_below_the_floor(rows: Rows, worker_id: str) -> None:
    put(rows, 5)
    first = rows("SELECT min(seq) FROM mesh.jobs")[0][0]
    assert claim(rows, worker_id, [first + 1] + [0] * 10) == [first + 2, first + 3, first + 4]
    assert claim(rows, worker_id, None) == [first, first + 1]


def test_floors_lie_just_below_the_heads_and_at_the_newest_job_where_nothing_waits(rows: Rows) -> None:
    put(rows, 2)
    put(rows, 1, priority=10)
    low, high, newest = rows(
        "SELECT min(seq) FILTER (WHERE priority = 0), min(seq) FILTER (WHERE priority = 10), max(seq) FROM mesh.jobs"
    )[0]
    assert floors_of(rows) == [low - 1, *[newest] * 9, high - 1]


def test_the_floor_of_one_lane_says_nothing_of_the_others(rows: Rows, worker_id: str) -> None:
    put(rows, 3)
    put(rows, 2, priority=5)
    floors = floors_of(rows)
    urgent = claim(rows, worker_id, floors)
    assert len(urgent) == 2
    floors[5] = urgent[-1]
    assert len(claim(rows, worker_id, floors)) == 3


def test_a_job_that_is_committed_late_is_above_the_floors_of_the_next_sweep(
    rows: Rows, database_url: str, worker_id: str
) -> None:
    with connect(database_url) as slow:
        slow.execute("SELECT mesh.enqueue(%s)", (TYPE,))
        put(rows, 1)
        floors = floors_of(rows)
        floors[0] = claim(rows, worker_id, floors)[0]
        slow.commit()
    assert claim(rows, worker_id, floors) == []
    assert len(claim(rows, worker_id, floors_of(rows))) == 1


def test_rescued_jobs_are_found_by_the_sweep_of_a_worker_that_is_alone(rows: Rows, worker_id: str) -> None:
    put(rows, 1, rescues=1)
    put(rows, 1)
    assert len(claim(rows, worker_id, floors_of(rows, alone=False), alone=False)) == 1
    assert claim(rows, worker_id, floors_of(rows, alone=False)) == []
    assert len(claim(rows, worker_id, floors_of(rows))) == 1


def test_paused_types_are_passed_over_with_floors_too(rows: Rows, worker_id: str) -> None:
    put(rows, 1)
    rows("UPDATE mesh.job_types SET paused = true WHERE name = %s", TYPE)
    assert claim(rows, worker_id, floors_of(rows)) == []


def test_the_lane_that_a_notification_named_comes_first_whatever_is_more_urgent(rows: Rows, worker_id: str) -> None:
    put(rows, 3)
    put(rows, 1, priority=10)
    low, high = rows("SELECT min(seq), max(seq) FROM mesh.jobs")[0]
    assert claim(rows, worker_id, None, named=1) == [low]
    assert claim(rows, worker_id, None) == [high]
    assert rows("SELECT source, target, count FROM mesh.job_moves ORDER BY at") == [("pending", "running", 1)] * 2


def test_a_named_lane_that_is_paused_passed_empty_or_unknown_gives_way_to_the_others(
    rows: Rows, worker_id: str
) -> None:
    types = ("cleanup_expired", TYPE)
    put(rows, 4)
    rows("INSERT INTO mesh.jobs (job_type) VALUES ('cleanup_expired')")
    rows("UPDATE mesh.job_types SET paused = true WHERE name = 'cleanup_expired'")
    for named in (1, 2, 22, 99):
        assert len(claim(rows, worker_id, None, 1, named=named, types=types)) == 1
    assert claim(rows, worker_id, None, named=1, types=types) == []


def test_a_named_lane_begins_at_its_floor(rows: Rows, worker_id: str) -> None:
    put(rows, 3)
    last = rows("SELECT max(seq) FROM mesh.jobs")[0][0]
    assert claim(rows, worker_id, [last - 1] + [0] * 10, named=1) == [last]


def test_a_rescued_head_of_a_named_lane_is_for_who_is_alone(rows: Rows, worker_id: str) -> None:
    put(rows, 1, rescues=1)
    put(rows, 1)
    first, last = rows("SELECT min(seq), max(seq) FROM mesh.jobs")[0]
    assert claim(rows, worker_id, None, named=1, alone=False) == [last]
    assert claim(rows, worker_id, None, named=1) == [first]


def test_an_enqueue_names_its_lane_to_the_worker_that_sleeps(rows: Rows, worker_id: str, database_url: str) -> None:
    rows("UPDATE mesh.workers SET idle = true WHERE id = %s", worker_id)
    with connect(database_url, autocommit=True) as listener:
        listener.execute("LISTEN mesh_jobs")
        rows("SELECT mesh.enqueue(%s, priority => 7)", TYPE)
        assert [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)] == [f"{TYPE} 7"]


def test_however_many_lanes_are_named_two_are_remembered() -> None:
    events = Events()
    for number in range(1000):
        events.woken(f"{TYPE} {number}")
    assert len(events.lanes) == 2


def test_a_lane_is_named_by_one_notification_of_a_type_that_is_served() -> None:
    types = ["first", TYPE]
    assert named_lane(types, {f"{TYPE} 7"}) == 11 + 7 + 1
    for names in (set(), {""}, {f"{TYPE} 7", "first 0"}, {"other 0"}, {f"{TYPE} 11"}, {TYPE}, {f"{TYPE} x"}):
        assert named_lane(types, names) is None


def test_a_sweep_is_due_at_first_after_five_seconds_and_for_other_types(now: list[float]) -> None:
    floors = Floors()
    assert floors.due([TYPE], alone=True)
    floors.swept([TYPE], [0] * 11, alone=True, asked=now[0])
    assert not floors.due([TYPE], alone=True)
    assert floors.due([TYPE, "other"], alone=True)
    assert floors.below(["other"]) is None
    now[0] += 5
    assert floors.due([TYPE], alone=True)


def test_floors_rise_with_what_was_claimed(now: list[float]) -> None:
    floors = Floors()
    floors.swept([TYPE], [0] * 11, alone=True, asked=now[0])
    floors.claimed([a_job(7, priority=3), a_job(9, priority=3)], alone=True)
    assert floors.below([TYPE]) == "{0,0,0,9,0,0,0,0,0,0,0}"


def test_slow_sweeps_are_rare(now: list[float]) -> None:
    floors = Floors()
    now[0] += 0.1
    floors.swept([TYPE], [0] * 11, alone=True, asked=now[0] - 0.1)
    now[0] += 1.9
    assert not floors.affordable()
    now[0] += 0.2
    assert floors.affordable()


def test_who_passed_over_rescued_jobs_sweeps_when_it_is_alone(now: list[float]) -> None:
    floors = Floors()
    floors.swept([TYPE], [0] * 11, alone=True, asked=now[0])
    assert not floors.due([TYPE], alone=True)
    floors.claimed([a_job(1)], alone=False)
    assert floors.due([TYPE], alone=True)
    assert not floors.due([TYPE], alone=False)


@job("quick")
def quick(_payload: dict[str, object], _context: JobContext) -> None:
    """Nothing."""


def test_a_late_commit_runs_while_newer_jobs_keep_coming(rows: Rows, settings: Settings, database_url: str) -> None:
    rows("SELECT mesh.register_job_types('{quick}')")
    worker = Worker(settings, by_type([quick]), concurrency=1, prefetch=5)
    thread = threading.Thread(target=worker.run)
    stop = threading.Event()

    def enqueue_on_and_on() -> None:
        with connect(database_url, autocommit=True) as busy:
            while not stop.is_set():
                busy.execute("SELECT mesh.enqueue('quick') FROM generate_series(1, 20)")

    with connect(database_url) as slow:
        late = slow.execute("SELECT mesh.enqueue('quick', user_id => 'late')").fetchone()
        crowd = threading.Thread(target=enqueue_on_and_on)
        thread.start()
        crowd.start()
        try:
            eventually(lambda: rows("SELECT count(*) FROM mesh.history")[0][0] > 100)
            slow.commit()
            eventually(lambda: rows("SELECT 1 FROM mesh.history WHERE id = %s", late[0]), seconds=60)
            assert rows("SELECT 1 FROM mesh.jobs WHERE status = 'pending' LIMIT 1"), "the lane was never empty"
        finally:
            stop.set()
            crowd.join()
            worker.stop()
            worker.stop()
            thread.join()


def test_a_drain_ends_only_when_late_commits_have_run(rows: Rows, settings: Settings, database_url: str) -> None:
    rows("SELECT mesh.register_job_types('{releases}')")
    with connect(database_url) as slow:
        slow.execute("SELECT mesh.enqueue('releases')")

        @job("releases")
        def releases(_payload: dict[str, object], _context: JobContext) -> None:
            slow.commit()

        for _ in range(3):
            rows("SELECT mesh.enqueue('releases')")
        counts = Worker(settings, by_type([releases]), concurrency=1).run_until_empty()
    assert counts.completed == 4
