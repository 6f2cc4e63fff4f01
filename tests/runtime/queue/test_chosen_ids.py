"""Ids that callers choose: one that is in use, or was, is refused wherever its job is by now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.runtime.queue.steps import TYPE, bury, claim, complete, enqueue

from mesh_runtime.queue import InvalidJobError, NewJob, enqueue_many

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtime.queue.conftest import Rows

pytestmark = pytest.mark.usefixtures("sound")

OLD = UUID("01900000-0000-7000-8000-000000000007")


def _run(rows: Rows, worker: str) -> None:
    claim(rows, worker)


def _finish(rows: Rows, worker: str) -> None:
    complete(rows, *claim(rows, worker))


def _kill(rows: Rows, worker: str) -> None:
    bury(rows, worker)


PLACES = pytest.mark.parametrize("bring", [_run, _finish, _kill])


@PLACES
@pytest.mark.parametrize("chosen", [OLD, uuid4()], ids=["old", "random"])
@pytest.mark.parametrize("more", [{}, {"unique_key": "k"}])
def test_an_id_that_runs_or_has_ended_is_refused(
    rows: Rows, worker_id: str, bring: Callable[[Rows, str], None], chosen: UUID, more: dict[str, Any]
) -> None:
    enqueue(rows, id=chosen)
    bring(rows, worker_id)
    with pytest.raises(psycopg.Error) as refused:
        enqueue(rows, id=chosen, **more)
    assert refused.value.sqlstate == "PT409"
    assert refused.value.diag.message_hint
    batch = json.dumps([{"job_type": TYPE, "id": str(chosen), **more}])
    with pytest.raises(psycopg.Error) as refused:
        rows("SELECT * FROM mesh.enqueue_batch(%s)", batch)
    assert refused.value.sqlstate == "PT409"


@PLACES
def test_many_plain_jobs_are_refused_with_one_whose_id_was_chosen_before(
    auto: psycopg.Connection[Any], rows: Rows, worker_id: str, bring: Callable[[Rows, str], None]
) -> None:
    enqueue(rows, id=OLD)
    bring(rows, worker_id)
    jobs = [NewJob(job_type=TYPE, payload={}), NewJob(job_type=TYPE, payload={}, id=OLD)]
    with pytest.raises(InvalidJobError, match=str(OLD)):
        enqueue_many(auto, jobs)
    assert rows("SELECT count(*) FROM mesh.jobs") == [(0,)]


def test_an_id_that_nobody_has_used_is_taken(rows: Rows) -> None:
    assert enqueue(rows, id=OLD) == OLD
    chosen = uuid4()
    assert enqueue(rows, id=chosen, unique_key="k") == chosen
    assert enqueue(rows, id=uuid4(), unique_key="k") == chosen
