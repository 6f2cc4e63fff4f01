"""`mesh queue` as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mesh_cli.main import main
from mesh_runtime.database import connect
from mesh_runtime.queue import Worker
from mesh_runtime.queue.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psycopg

    from mesh_runtime.settings import Settings

DESCRIPTOR = 'kind = "jobs"\ntype = "greeter"\nversion = "1.0"\nlabel = "Jobs"\nentry = ["main"]\n'
CODE = """
from pydantic import BaseModel, SecretStr
from mesh_runtime.queue import job

class Greet(BaseModel):
    name: str
    token: SecretStr | None = None

@job("greet", payload=Greet)
def greet(payload, context):
    if payload.name == "nobody":
        raise ValueError(f"nobody is here, {payload.token and payload.token.get_secret_value()}")
    return {"text": f"hello {payload.name}", "with": payload.token and payload.token.get_secret_value()}
"""
SECRET = "hunter2-of-greet"


@dataclass(frozen=True)
class Ran:
    """What a command printed and ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Mesh:
    """Runs `mesh queue ...` in this process, or in one of its own."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.settings, self._capsys, self._patch = settings, capsys, patch
        patch.chdir(settings.project)
        patch.setenv("DATABASE_URL", str(settings.database_url))

    def __call__(self, *arguments: str, group: str = "queue") -> Ran:
        self._capsys.readouterr()
        self._patch.setattr(sys, "argv", ["mesh", group, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    def work(self) -> None:
        from mesh_runtime.handlers import all_handlers

        Worker(self.settings, all_handlers(self.settings)).run_until_empty()

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-m", "mesh_cli", "queue", *arguments], text=True, **options)


@pytest.fixture
def mesh(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Mesh:
    folder = settings.project / "plugins" / "greeter"
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(DESCRIPTOR)
    (folder / "main.py").write_text(CODE)
    return Mesh(settings, capsys, monkeypatch)


@pytest.fixture
def auto(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, autocommit=True) as connection:
        yield connection


def greet(mesh: Mesh, name: str = "you", *options: str) -> str:
    ran = mesh("enqueue", "greet", json.dumps({"name": name, "token": SECRET}), *options)
    assert ran.code == 0, ran.err
    return ran.out.strip()


def test_a_job_is_enqueued_run_and_shown(mesh: Mesh) -> None:
    job = greet(mesh, "you", "--priority", "5", "--user", "42")
    assert re.fullmatch(r"[0-9a-f-]{36}", job)
    assert "pending" in mesh("list").out
    mesh.work()
    shown = mesh("show", job).out
    assert "completed" in shown
    assert "hello you" in shown
    assert "42" in shown


def test_a_payload_may_come_from_standard_input(mesh: Mesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"name": "input"}')
    with file.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        job = mesh("enqueue", "greet", "-", "--json").json["id"]
    assert mesh("show", job, "--json").json["payload"] == {"name": "input", "token": None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gret",), "unknown job type"),
        (("greet", '{"nam": 1}'), "name: Field required"),
        (("greet", "{bad"), "no JSON"),
        (("greet", "[]"), "no JSON object"),
        (("greet", '{"name": "a"}', "--delay", "soon"), "'soon' is not a duration"),
        (("greet", '{"name": "a"}', "--delay", "99999999d"), "not a duration"),
        (("greet", '{"name": "a"}', "--at", "2026-05-01T10:00"), "no time zone"),
        (("greet", '{"name": "a"}', "--after", "01a00000-0000-7000-8000-000000000000"), "there is no job"),
        (("greet", '{"name": "a"}', "--gate", "nowhere"), "gate"),
    ],
)
def test_what_cannot_be_enqueued_is_said_and_nothing_is_written(
    mesh: Mesh, auto: psycopg.Connection[Any], arguments: tuple[str, ...], said: str
) -> None:
    ran = mesh("enqueue", *arguments)
    assert ran.code in (1, 2)
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert auto.execute("SELECT count(*) FROM mesh.known_jobs").fetchone() == (0,)


def test_a_unique_job_is_enqueued_once(mesh: Mesh) -> None:
    assert greet(mesh, "a", "--unique", "k") == greet(mesh, "b", "--unique", "k")


def test_jobs_are_filtered(mesh: Mesh) -> None:
    greet(mesh, "nobody", "--max-attempts", "1", "--user", "7")
    greet(mesh)
    greet(mesh, "later", "--delay", "1h")
    mesh.work()

    def states(*options: str) -> list[str]:
        return sorted(job["state"] for job in mesh("list", "--json", *options).json["jobs"])

    assert states() == ["completed", "dead", "scheduled"]
    assert states("--state", "dead", "--state", "completed") == ["completed", "dead"]
    assert states("--state", "failed") == ["dead"]
    assert states("--type", "greet", "--user", "7") == ["dead"]
    assert states("--error", "NOBODY IS") == ["dead"]
    assert states("--since", "1h") == ["completed", "dead", "scheduled"]
    assert states("--since", "2100-01-01T00:00Z") == []
    assert len(states("--limit", "1")) == 1
    assert mesh("list", "--type", "slow").code == 2
    assert "No job matches." in mesh("list", "--state", "blocked").out


def test_an_empty_queue_says_so(mesh: Mesh) -> None:
    assert "There are no jobs." in mesh("list").out
    assert "There have been no jobs." in mesh("stats").out
    assert "No worker runs." in mesh("workers").out
    assert "There are no schedules." in mesh("cron", "list").out


def test_an_id_may_be_cut_short(mesh: Mesh) -> None:
    job = greet(mesh)
    for given in (job, job.replace("-", ""), job[-8:], job[:30], job[-5:].upper(), job[-20:]):
        assert mesh("show", given, "--json").json["id"] == job
    for given, said in (
        ("00000000", "there is no job"),
        (job[-3:], "no job's id"),
        ("x" * 8, "no job's id"),
        ("", "no"),
    ):
        ran = mesh("show", given)
        assert ran.code == 1
        assert said in ran.err
    greet(mesh)
    ran = mesh("show", job[:4])
    assert ran.code == 1
    assert "several jobs" in ran.err


def test_a_secret_is_stored_for_the_handler_and_shown_by_no_command(
    mesh: Mesh, auto: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    done, dead = greet(mesh), greet(mesh, "nobody", "--max-attempts", "1")
    later = greet(mesh, "later", "--delay", "1h")
    mesh.work()
    assert auto.execute("SELECT result ->> 'with' FROM mesh.history WHERE id = %s", (done,)).fetchone() == (SECRET,)
    printed = ""
    for job in (done, dead, later):
        for options in ((), ("--json",)):
            printed += mesh("show", job, *options).out
    for options in ((), ("--json",)):
        for command in ("list", "stats", "types"):
            printed += mesh(command, *options).out
        printed += mesh("watch", done, *options).out
    assert SECRET not in printed
    assert MASK in printed
    assert SECRET not in caplog.text


def test_cancelling_asks_first_and_takes_jobs_out(mesh: Mesh, auto: psycopg.Connection[Any]) -> None:
    job = greet(mesh)
    ran = mesh("cancel", job)
    assert ran.code == 2
    assert "1 pending greet" in ran.err
    assert "--yes" in ran.err
    assert "would cancel 1 pending greet" in mesh("cancel", job, "--dry-run").out
    assert auto.execute("SELECT count(*) FROM mesh.jobs").fetchone() == (1,)
    assert "1 cancelled" in mesh("cancel", job, "--yes").out
    assert mesh("show", job, "--json").json["state"] == "cancelled"
    again = mesh("cancel", job, "--yes")
    assert again.code == 1
    assert "is cancelled" in again.err


def test_a_filter_is_needed_and_does_not_go_with_ids(mesh: Mesh) -> None:
    for command in ("cancel", "retry", "redrive", "purge"):
        assert "nothing says which jobs" in mesh(command).err
        assert "cannot be combined" in mesh(command, "abcd", "--all").err
        ran = mesh(command, "--all", "--yes")
        assert (ran.code, ran.out) == (0, "No job matches; nothing was done.\n")


def test_a_backing_off_job_runs_now(mesh: Mesh) -> None:
    job = greet(mesh, "later", "--delay", "1h")
    assert "1 run now" in mesh("retry", job).out
    mesh.work()
    assert mesh("show", job, "--json").json["state"] == "completed"
    ran = mesh("retry", job)
    assert ran.code == 1
    assert "is completed" in ran.err


def test_dead_letters_are_redriven_by_filter_and_purged(mesh: Mesh) -> None:
    jobs = [greet(mesh, "nobody", "--max-attempts", "1") for _ in range(3)]
    mesh.work()
    assert "Only dead letters" in mesh("redrive", greet(mesh)).err
    assert mesh("redrive", "--error", "nobody", "--yes", "--json").json["done"] == {"redriven": 3}
    mesh.work()
    assert "1 redriven" in mesh("redrive", jobs[0]).out
    assert mesh("purge", jobs[1]).code == 2
    assert mesh("purge", "--type", "greet", "--yes", "--json").json["done"] == {"deleted": 2}
    assert "there is no job" in mesh("show", jobs[1]).err


def test_a_paused_type_is_not_run_until_it_is_resumed(mesh: Mesh) -> None:
    job = greet(mesh)
    assert mesh("pause", "greet").out == "greet paused\n"
    mesh.work()
    assert mesh("show", job, "--json").json["state"] == "pending"
    assert "greet (paused)" in mesh("stats").out
    assert mesh("resume", "greet", "--json").json == {"types": ["greet"], "paused": False}
    mesh.work()
    assert mesh("show", job, "--json").json["state"] == "completed"
    ran = mesh("pause", "greet", "gret")
    assert ran.code == 2
    assert "unknown job type: gret" in ran.err
    assert not next(row for row in mesh("types", "--json").json["types"] if row["name"] == "greet")["paused"]


def test_schedules_are_set_run_paused_and_removed(mesh: Mesh) -> None:
    greet(mesh)
    payload = json.dumps({"name": "cron", "token": SECRET})
    assert "fires next at" in mesh("cron", "set", "daily_greet", "0 4 * * *", "greet", payload).out
    listed = mesh("cron", "list")
    assert "daily_greet" in listed.out
    assert "never" in listed.out
    (schedule,) = [row for row in mesh("cron", "list", "--json").json["schedules"] if row["name"] == "daily_greet"]
    assert schedule["payload"] == {"name": "cron", "token": MASK}
    job = mesh("cron", "run", "daily_greet").out.strip()
    assert mesh("show", job, "--json").json["payload"]["name"] == "cron"
    assert "paused" in mesh("cron", "pause", "daily_greet").out
    assert "resumed" in mesh("cron", "resume", "daily_greet").out
    assert mesh("cron", "remove", "daily_greet").code == 2
    assert "removed" in mesh("cron", "remove", "daily_greet", "--yes").out
    assert mesh("cron", "remove", "daily_greet", "--yes").code == 1


@pytest.mark.parametrize(
    "arguments",
    [("x y", "greet"), ("61 * * * *", "greet"), ("* * * * *", "nothing"), ("* * * * *", "greet", '{"nam": 1}')],
)
def test_a_schedule_that_cannot_be_is_refused(mesh: Mesh, arguments: tuple[str, ...]) -> None:
    greet(mesh)
    ran = mesh("cron", "set", "wrong", *arguments)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_the_name_of_a_schedule_is_said_to_be_wrong(mesh: Mesh) -> None:
    greet(mesh)
    ran = mesh("cron", "set", "every day", "@daily", "greet", '{"name": "you"}')
    assert ran.code == 2
    assert "name is not in snake_case: 'every day'\n  Write it like nightly_cleanup" in ran.err


def test_the_next_times_of_an_expression_are_shown(mesh: Mesh) -> None:
    ran = mesh("cron", "next", "0 4 * * mon", "--timezone", "Europe/Vienna", "-n", "2")
    assert len(re.findall(r"04:00 Mon  Europe/Vienna", ran.out)) == 2


def test_bench_measures_and_leaves_nothing(mesh: Mesh, auto: psycopg.Connection[Any]) -> None:
    found = mesh("bench", "--jobs", "500", "--seconds", "0.3", "--json").json
    assert found["run_per_second"] > 0
    assert found["start_p50_ms"] <= found["start_p95_ms"]
    for table in ("known_jobs", "job_moves", "job_counts", "job_minutes", "workers", "leases"):
        assert auto.execute(f"SELECT count(*) FROM mesh.{table}").fetchone() == (0,), table
    assert auto.execute("SELECT count(*) FROM mesh.job_types WHERE name = 'noop'").fetchone() == (0,)


def test_bench_leaves_the_noop_jobs_of_others_alone(mesh: Mesh, auto: psycopg.Connection[Any]) -> None:
    auto.execute("SELECT mesh.register_job_types('{noop}'), mesh.enqueue('noop')")
    ran = mesh("bench", "--jobs", "100", "--seconds", "0.1")
    assert ran.code == 2
    assert "in use" in ran.err
    assert auto.execute("SELECT count(*) FROM mesh.jobs").fetchone() == (1,)


def test_watching_a_job_ends_with_it(mesh: Mesh) -> None:
    job = greet(mesh)
    watching = mesh.start("watch", job, "--interval", "0.1", stdout=subprocess.PIPE)
    assert watching.stdout is not None
    assert "pending" in watching.stdout.readline()
    mesh.work()
    out, _ = watching.communicate(timeout=20)
    assert "completed" in out
    assert watching.returncode == 0
    dead = greet(mesh, "nobody", "--max-attempts", "1")
    mesh.work()
    assert mesh("watch", dead).code == 1


def test_watching_prints_a_line_for_each_change_where_nobody_sees_it_live(mesh: Mesh) -> None:
    watching = mesh.start("watch", "--json", "--interval", "0.1", stdout=subprocess.PIPE)
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["pending"] == 0
    greet(mesh)
    assert json.loads(watching.stdout.readline())["pending"] == 1
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 0
    watching.stdout.close()


def test_watching_is_drawn_on_a_terminal(mesh: Mesh) -> None:
    greet(mesh)
    ours, theirs = pty.openpty()
    watching = mesh.start("watch", "--interval", "0.1", stdout=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 20
    while b"jobs/s completed" not in seen and time.monotonic() < deadline:
        seen += os.read(ours, 65536)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 0
    os.close(ours)
    assert b"greet" in seen
    assert b"No workers." in seen


def test_tables_fit_eighty_columns(mesh: Mesh, auto: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a" * 63
    auto.execute("SELECT mesh.register_job_types(ARRAY[%s])", (name,))
    auto.execute("SELECT mesh.enqueue(%s), mesh.enqueue(%s, delay => '1 h')", (name, name))
    auto.execute("INSERT INTO mesh.job_counts VALUES (%s, 'completed', 123456789), (%s, 'dead', 1234567)", (name, name))
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "80")
    running = mesh.start("stats", stdout=theirs, env=os.environ | {"TERM": "dumb"})
    assert running.wait(20) == 0
    os.close(theirs)
    lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    assert lines
    assert max(map(len, lines)) <= 80


def test_a_database_without_a_queue_is_an_error_that_says_what_to_do(
    mesh: Mesh, mesh_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", mesh_server)
    for command in (("list",), ("stats",), ("enqueue", "greet"), ("watch",), ("bench",), ("cron", "list")):
        ran = mesh(*command)
        assert ran.code == 2
        assert "mesh db migrate" in ran.err
