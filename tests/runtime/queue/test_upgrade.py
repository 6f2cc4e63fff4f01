from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.queue.steps import TYPE, assert_sound, complete, fail

from mesh_runtime.database import Source, connect, migrate, runtime_source
from mesh_runtime.testing import fresh_database

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from tests.runtime.queue.conftest import Rows

_WORKER = "01900000-0000-7000-8000-000000000001"


def _claim_as_before(rows: Rows, worker: str, most: int = 10) -> tuple[int, list[UUID]]:
    found = rows("SELECT token, (job).id FROM mesh.claim_jobs(%s, %s, %s, false, true)", worker, [TYPE], most)
    return found[0][0], [row[1] for row in found]


def _before_the_queue_was_complete(folder: Path) -> Source:
    now = runtime_source()
    for migration in now.migrations():
        if migration.path.name < "0006":
            shutil.copy(migration.path, folder)
    return Source(now.name, folder)


def test_jobs_that_were_there_before_are_counted_and_their_leases_hold(mesh_server: str, tmp_path: Path) -> None:
    with fresh_database(mesh_server) as url:
        with connect(url) as admin:
            migrate(admin, [_before_the_queue_was_complete(tmp_path)])
        with connect(url, autocommit=True) as auto:

            def rows(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
                cursor = auto.execute(sql.encode(), parameters)
                return cursor.fetchall() if cursor.description else []

            rows("INSERT INTO mesh.workers (id, name, types, expires_at) VALUES (%s, '', '{}', 'infinity')", _WORKER)
            for _ in range(9):
                rows(f"SELECT mesh.enqueue('{TYPE}')")
            rows(f"SELECT mesh.enqueue('{TYPE}', delay => '1 hour')")
            complete(rows, *_claim_as_before(rows, _WORKER, 1))
            fail(rows, *_claim_as_before(rows, _WORKER, 1), reason="permanent")
            token, ids = _claim_as_before(rows, _WORKER, 3)
            complete(rows, token, ids[:1])
            rows(f"SELECT mesh.enqueue('{TYPE}')")
            with connect(url) as admin:
                migrate(admin, [runtime_source()])
            assert_sound(rows)
            assert complete(rows, token, ids[1:]) == 2
            assert len(_claim_as_before(rows, _WORKER)[1]) == 5
            rows("SELECT mesh.tick()")
            assert_sound(rows)
            counted = "SELECT enqueued, pending, scheduled, running, completed, dead FROM mesh.queue_stats()"
            assert rows(f"{counted} WHERE job_type = %s", TYPE) == [(11, 0, 1, 5, 4, 1)]


_STEPS = [migration.path.name for migration in runtime_source().migrations() if "0006" <= migration.path.name < "0008"]


@pytest.mark.parametrize("last", _STEPS)
def test_jobs_end_and_workers_tick_between_any_two_steps(mesh_server: str, tmp_path: Path, last: str) -> None:
    now = runtime_source()
    for migration in now.migrations():
        if migration.path.name <= last:
            shutil.copy(migration.path, tmp_path)
    with fresh_database(mesh_server) as url:
        with connect(url) as admin:
            migrate(admin, [Source(now.name, tmp_path)])
        with connect(url, autocommit=True) as auto:

            def rows(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
                cursor = auto.execute(sql.encode(), parameters)
                return cursor.fetchall() if cursor.description else []

            rows("INSERT INTO mesh.workers (id, name, types, expires_at) VALUES (%s, '', '{}', 'infinity')", _WORKER)
            for _ in range(3):
                rows(f"SELECT mesh.enqueue('{TYPE}')")
            token, ids = _claim_as_before(rows, _WORKER)
            assert fail(rows, token, ids[:1], reason="permanent") == 1
            assert complete(rows, token, ids[1:2]) == 1
            rows("UPDATE mesh.workers SET expires_at = '-infinity'")
            rows("SELECT mesh.tick()")
            assert rows("SELECT rescues FROM mesh.jobs") == [(1,)]
            assert rows("SELECT count(*) FROM mesh.dead_jobs") == [(1,)]
