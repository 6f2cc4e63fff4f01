"""`mesh worker --processes`: one parent, several workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.cli.test_worker import environ, write_plugin

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import psycopg

SLEEPER = """
import os
import time
from datetime import timedelta
from mesh_runtime.queue import job

@job("stuck", timeout=timedelta(seconds=0.1))
def stuck(payload, context):
    time.sleep(600)

@job("sleeper")
def sleeper(payload, context):
    with context.connect() as connection:
        connection.execute("INSERT INTO runs VALUES (%s, %s)", (context.job.id, os.getpid()))
    time.sleep(payload.get("seconds", 0))
    if payload.get("deadly") and not context.job.rescues:
        os._exit(7)
"""
WORKERS = "SELECT split_part(name, ':', 2)::int FROM mesh.workers ORDER BY 1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "test"\n')
    write_plugin(tmp_path, "sleeper", SLEEPER)
    return tmp_path


@pytest.fixture
def auto(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE runs (job_id uuid, pid integer)")
        connection.execute("SELECT mesh.register_job_types('{sleeper,stuck}')")
        yield connection


@contextmanager
def supervised(project: Path, database_url: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mesh_cli", "worker", "--processes", "2", *options],
        cwd=project,
        env=environ(database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def eventually(condition: Callable[[], object], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def put(auto: psycopg.Connection[Any], count: int = 1, **payload: object) -> None:
    for _ in range(count):
        auto.execute("SELECT mesh.enqueue('sleeper', %s)", (json.dumps(payload),))


def pids(auto: psycopg.Connection[Any], query: str = WORKERS) -> list[int]:
    return [row[0] for row in auto.execute(query.encode())]


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_several_processes_share_the_queue_and_their_counts_are_summed(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    put(auto, 40, seconds=0.2)
    with supervised(project, database_url, "--until-empty", "--concurrency", "2", "--json") as process:
        out, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.count("plug-in sleeper loaded") == 1
    assert json.loads(out)["completed"] == 40
    assert len(set(pids(auto, "SELECT DISTINCT pid FROM runs"))) == 2


def test_a_worker_that_is_killed_is_replaced_and_its_job_runs_again(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    with supervised(project, database_url) as process:
        eventually(lambda: len(pids(auto)) == 2)
        victim = pids(auto)[0]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: len({*pids(auto)} - {victim}) == 2)
        put(auto)
        eventually(lambda: auto.execute("SELECT count(*) FROM mesh.history").fetchone() == (1,))
        process.terminate()
        assert process.wait(20) == 0
        eventually(lambda: not any(alive(pid) for pid in pids(auto)))


def test_the_first_signal_lets_jobs_finish_and_the_second_does_not(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    put(auto, seconds=2)
    put(auto, seconds=600)
    with supervised(project, database_url, "--concurrency", "2") as process:
        eventually(lambda: len(pids(auto, "SELECT pid FROM runs")) == 2)
        process.terminate()
        eventually(lambda: auto.execute("SELECT count(*) FROM mesh.history").fetchone() == (1,))
        assert process.poll() is None, "a job still runs"
        process.terminate()
        assert process.wait(20) == 0
        auto.execute("SELECT mesh.tick()")
        assert auto.execute("SELECT attempts FROM mesh.jobs").fetchall() == [(0,)]
        assert not any(alive(pid) for pid in pids(auto, "SELECT pid FROM runs"))


def test_workers_end_when_their_supervisor_is_killed(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    with supervised(project, database_url) as process:
        eventually(lambda: len(pids(auto)) == 2)
        process.kill()
        eventually(lambda: pids(auto) == [])


def test_a_worker_full_of_stuck_threads_is_replaced(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    command = [sys.executable, "-m", "mesh_cli", "worker", "--type", "stuck"]
    for _ in range(10):
        auto.execute("SELECT mesh.enqueue('stuck', max_attempts => 1)")
    alone = subprocess.run(command, cwd=project, env=environ(database_url), check=False, timeout=30)
    assert alone.returncode == 1
    with supervised(project, database_url) as process:
        eventually(lambda: len(pids(auto)) == 2)
        first = set(pids(auto))
        for _ in range(20):
            auto.execute("SELECT mesh.enqueue('stuck', max_attempts => 1)")
        eventually(lambda: len(set(pids(auto)) - first) > 0)
        put(auto)
        eventually(lambda: auto.execute("SELECT count(*) FROM mesh.history").fetchone() == (1,))
        process.terminate()
        assert process.wait(20) == 0


def test_what_keeps_workers_from_running_is_said_once_and_no_process_is_started(
    project: Path, mesh_server: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mesh_cli", "worker", "--processes", "4"],
        cwd=project,
        env=environ(mesh_server),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: this database has no queue\n  Run: mesh db migrate\n"
