from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from tests.runtime.queue.steps import claim, complete, enqueue, rescue, state

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from uuid import UUID

    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")

TELL = "SELECT token, accepted FROM mesh.complete_leases(%s, %s, %s::text[]::jsonb[], %s) ORDER BY token"


def leases(rows: Rows, worker: str, *sizes: int) -> list[tuple[int, list[UUID]]]:
    for _ in range(sum(sizes)):
        enqueue(rows)
    return [claim(rows, worker, most=size) for size in sizes]


def tell(rows: Rows, *ended: tuple[int, list[UUID]]) -> list[tuple[int, int]]:
    pairs = [(token, job) for token, ids in ended for job in ids]
    results = [f'{{"n": {number}}}' for number in range(len(pairs))]
    durations = list(range(len(pairs)))
    return rows(TELL, [token for token, _ in pairs], [job for _, job in pairs], results, durations)  # type: ignore[return-value]


def test_several_leases_end_in_one_statement_each_job_with_its_result(rows: Rows, worker_id: str) -> None:
    first, second = leases(rows, worker_id, 2, 3)
    assert tell(rows, first, second) == [(first[0], 2), (second[0], 3)]
    found = rows("SELECT id, token, (result ->> 'n')::integer, duration_ms FROM mesh.history ORDER BY 3")
    jobs = [(job, token) for token, ids in (first, second) for job in ids]
    assert found == [(job, token, number, number) for number, (job, token) in enumerate(jobs)]


def test_a_lease_that_is_gone_or_has_ended_in_part_is_left_to_the_other_way(rows: Rows, worker_id: str) -> None:
    whole, partly, gone = leases(rows, worker_id, 2, 2, 1)
    complete(rows, partly[0], partly[1][:1])
    complete(rows, *gone)
    assert tell(rows, whole, (partly[0], partly[1][1:]), gone) == [(whole[0], 2)]
    assert complete(rows, partly[0], partly[1][1:]) == 1


def test_a_job_that_left_its_lease_before_is_not_ended_again(rows: Rows, worker_id: str) -> None:
    first, second = leases(rows, worker_id, 2, 1)
    complete(rows, first[0], first[1][:1])
    assert tell(rows, first, second) == [(first[0], 1), (second[0], 1)]
    assert rows("SELECT count(*), count(DISTINCT id) FROM mesh.history") == [(3, 3)]


def test_jobs_of_another_lease_are_refused_and_nothing_ends(rows: Rows, worker_id: str) -> None:
    first, second = leases(rows, worker_id, 1, 1)
    with pytest.raises(psycopg.Error, match="not all of these jobs are of the lease") as caught:
        tell(rows, first, (second[0], [uuid4()]))
    assert caught.value.sqlstate == "PT409"
    assert rows("SELECT count(*) FROM mesh.leases") == [(2,)]


def test_a_dead_workers_leases_cannot_be_ended(rows: Rows, worker_id: str) -> None:
    (lease,) = leases(rows, worker_id, 2)
    rescue(rows)
    assert tell(rows, lease) == []
    assert [state(rows, job) for job in lease[1]] == ["pending", "pending"]


def test_children_wait_for_nobody_when_their_parents_end_together(rows: Rows, worker_id: str) -> None:
    first, second = leases(rows, worker_id, 1, 1)
    child = enqueue(rows, after=[*first[1], *second[1]])
    assert state(rows, child) == "blocked"
    tell(rows, first, second)
    assert state(rows, child) == "pending"


def test_the_keys_of_all_are_freed(rows: Rows, worker_id: str) -> None:
    enqueue(rows, unique_key="a")
    first = claim(rows, worker_id, most=1)
    enqueue(rows, unique_key="b")
    second = claim(rows, worker_id, most=1)
    tell(rows, first, second)
    assert rows("SELECT count(*) FROM mesh.job_keys") == [(0,)]


def test_two_tellers_of_one_lease_end_it_once(rows: Rows, worker_id: str, database_url: str) -> None:
    first, second = leases(rows, worker_id, 2, 2)
    with connect(database_url) as other:
        parameters = ([first[0]] * 2, first[1], ["{}"] * 2, [0] * 2)
        assert other.execute(TELL, parameters).fetchall() == [(first[0], 2)]
        other.commit()
    assert tell(rows, first, second) == [(second[0], 2)]
