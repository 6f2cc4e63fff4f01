from __future__ import annotations

from mesh_runtime.queue.pace import Pace


def test_nothing_is_claimed_ahead_before_it_is_known_how_long_jobs_take() -> None:
    pace = Pace(10, 500)
    assert [pace.room(0, 0), pace.room(3, 1), pace.room(10, 0)] == [10, 6, 0]


def test_slow_jobs_are_claimed_as_they_can_be_run() -> None:
    pace = Pace(10, 500)
    pace.ended(60)
    assert [pace.room(9, 0), pace.room(10, 0)] == [1, 0]


def test_quick_jobs_are_claimed_in_full_batches_and_one_is_on_its_way_while_another_runs() -> None:
    pace = Pace(10, 500)
    pace.ended(0.000_02)
    assert [pace.room(10, 0), pace.room(10, 450), pace.room(10, 500), pace.room(10, 501)] == [500, 500, 500, 0]


def test_one_long_job_does_not_change_what_is_usual() -> None:
    pace = Pace(10, 500)
    for _ in range(100):
        pace.ended(0.001)
    pace.ended(0.1)
    assert pace.room(10, 0) > 200
