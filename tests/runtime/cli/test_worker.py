"""`mesh worker` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

DESCRIPTOR = 'kind = "jobs"\ntype = "{name}"\nversion = "1.0"\nlabel = "Jobs"\nentry = ["main"]\n'
GREET = """
from mesh_runtime.queue import job

@job("greet")
def greet(payload, context):
    return {{"text": "{word} " + payload["name"]}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "test"\n')
    write_plugin(tmp_path, "greeter", GREET.format(word="hello"))
    return tmp_path


@pytest.fixture
def auto(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, autocommit=True) as connection:
        yield connection


def write_plugin(project: Path, name: str, code: str) -> None:
    folder = project / "plugins" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plugin.toml").write_text(DESCRIPTOR.format(name=name))
    (folder / "main.py").write_text(code)


def environ(database_url: str) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": database_url}


def worker(project: Path, database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mesh_cli", "worker", *arguments],
        cwd=project,
        env=environ(database_url),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@contextmanager
def running(project: Path, database_url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mesh_cli", "worker"],
        cwd=project,
        env=environ(database_url),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def put(connection: psycopg.Connection[Any], **payload: object) -> None:
    connection.execute(
        "SELECT mesh.register_job_types('{greet,wave}'), mesh.enqueue('greet', %s)", (json.dumps(payload),)
    )


def results(connection: psycopg.Connection[Any]) -> list[object]:
    return [row[0] for row in connection.execute("SELECT result FROM job_history ORDER BY completed_at")]


def wait_for(connection: psycopg.Connection[Any], wanted: list[object]) -> None:
    deadline = time.monotonic() + 15
    while results(connection) != wanted:
        assert time.monotonic() < deadline, results(connection)
        time.sleep(0.05)


def test_it_runs_the_jobs_of_plugins_until_none_is_left(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    put(auto, name="you")
    done = worker(project, database_url, "--until-empty", "--type", "greet")
    assert (done.returncode, done.stdout) == (0, "1 completed, 0 failed, 0 given back\n")
    assert "runs greet" in done.stderr
    assert results(auto) == [{"text": "hello you"}]


def test_json_is_for_machines(project: Path, database_url: str, auto: psycopg.Connection[Any]) -> None:
    put(auto)
    done = worker(project, database_url, "--until-empty", "--json")
    assert json.loads(done.stdout) == {"completed": 0, "failed": 1, "released": 0, "cancelled": 0, "refused": 0}
    messages = [json.loads(line) for line in done.stderr.splitlines()]
    (said,) = [entry for entry in messages if entry["level"] == "warning"]
    assert said["message"].endswith("attempt 1 failed: KeyError: 'name'")
    assert (said["job_type"], said["attempt"], said["outcome"]) == ("greet", 1, "failed")
    assert said["job_id"] in said["message"]
    assert said["duration_ms"] >= 0


def test_a_type_that_nobody_handles_is_an_error_that_names_those_that_are(project: Path, database_url: str) -> None:
    done = worker(project, database_url, "--type", "greeet", "--until-empty")
    assert done.returncode == 2
    assert "error: no handler for the job type greeet" in done.stderr
    assert "build_taste_vector" in done.stderr
    assert "greet" in done.stderr


def test_a_database_that_does_not_answer_is_an_error_not_a_traceback(project: Path, tmp_path: Path) -> None:
    done = worker(project, f"postgresql://nobody@/none?host={tmp_path}", "--until-empty")
    assert done.returncode == 2
    assert "no connection to the database" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plugin_that_takes_a_type_is_reported_and_the_first_stays(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    write_plugin(project, "greeter_two", GREET.format(word="bye"))
    put(auto, name="you")
    done = worker(project, database_url, "--until-empty")
    assert done.stderr.count("two handlers claim the job type 'greet'") == 1
    assert results(auto) == [{"text": "hello you"}]


def test_new_and_changed_plugins_are_picked_up_while_it_runs(
    project: Path, database_url: str, auto: psycopg.Connection[Any]
) -> None:
    put(auto, name="you")
    with running(project, database_url) as process:
        wait_for(auto, [{"text": "hello you"}])
        write_plugin(project, "waver", GREET.replace("greet", "wave").format(word="wave to"))
        auto.execute("SELECT mesh.enqueue('wave', '{\"name\": \"me\"}')")
        wait_for(auto, [{"text": "hello you"}, {"text": "wave to me"}])
        write_plugin(project, "greeter", GREET.format(word="good evening"))
        time.sleep(2)
        put(auto, name="all")
        wait_for(auto, [{"text": "hello you"}, {"text": "wave to me"}, {"text": "good evening all"}])
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert auto.execute("SELECT count(*) FROM mesh.workers").fetchone() == (0,)
