"""What the queue's tests share: a record of what ran, and worker processes on the test's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from tests.runtime.queue.pooler import pooled
from tests.runtime.queue.steps import assert_sound

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from mesh_runtime.settings import Settings

PROGRAM = Path(__file__).with_name("worker_program.py")

POOLED_VARIABLE = "MESH_TEST_POOLED"

RUNS = """
CREATE TABLE runs (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_id uuid NOT NULL, token bigint NOT NULL,
    pid integer NOT NULL, started_at timestamptz NOT NULL DEFAULT clock_timestamp(), ended_at timestamptz
);
CREATE TABLE effects (job_id uuid NOT NULL, pid integer NOT NULL);
"""


class Rows(Protocol):
    """Runs a statement and returns its rows."""

    def __call__(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]: ...


@pytest.fixture
def database_url(database_url: str) -> Iterator[str]:
    """The test's database; with `MESH_TEST_POOLED`, each transaction of a client runs on another backend."""
    if not os.environ.get(POOLED_VARIABLE):
        yield database_url
        return
    with pooled(database_url, 12) as (url, _):
        yield url


@pytest.fixture
def auto(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit, on a database that records what ran."""
    with connect(database_url, autocommit=True) as opened:
        opened.execute(RUNS)
        yield opened


@pytest.fixture
def rows(auto: psycopg.Connection[Any]) -> Rows:
    def run(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = auto.execute(sql.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def sound(rows: Rows) -> Iterator[None]:
    """Asserts after the test that the queue's tables agree with each other."""
    yield
    assert_sound(rows)


@pytest.fixture
def worker_id(rows: Rows) -> str:
    """A registered worker that lives for an hour."""
    worker = "01900000-0000-7000-8000-000000000001"
    rows(
        "INSERT INTO mesh.workers (id, name, types, expires_at) VALUES (%s, 'test', '{}', now() + interval '1 hour')",
        worker,
    )
    return worker


class WorkerProcess:
    """A worker in a process of its own, with short intervals."""

    def __init__(self, settings: Settings, *options: str) -> None:
        command = [sys.executable, str(PROGRAM), str(settings.project), str(settings.database_url), *options]
        path = [str(PROGRAM.parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]  # the tests, to be imported
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
        self.process = subprocess.Popen(command, start_new_session=True, env=environment)

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = 15) -> int:
        return self.process.wait(seconds)


@pytest.fixture
def start_worker(settings: Settings, auto: psycopg.Connection[Any]) -> Iterator[Callable[..., WorkerProcess]]:
    del auto  # makes the tables
    started: list[WorkerProcess] = []

    def start(*options: str) -> WorkerProcess:
        started.append(WorkerProcess(settings, *options))
        return started[-1]

    yield start
    for worker in started:
        with suppress(ProcessLookupError):
            worker.send(signal.SIGCONT)
            worker.process.kill()
        worker.wait()


def eventually(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(0.02)
