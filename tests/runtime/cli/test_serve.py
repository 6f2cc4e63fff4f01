"""`mesh serve` as a real process, asked over real HTTP."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from mesh_runtime.database import EmbeddedServer, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 20.0

APP = """\
import os

from fastapi import FastAPI
from mesh_runtime.plugins import PluginSource
from mesh_runtime.settings import Settings

app = FastAPI()
source = PluginSource.of(Settings.load(), interval=0.05)


@app.get("/")
def home() -> dict[str, object]:
    words = {plugin.name: plugin.modules[0].WORD for plugin in source.refresh().plugins if not plugin.first_party}
    return {"words": words, "problems": len(source.registry.problems), "code": 1, "pid": os.getpid()}
"""
DESCRIPTOR = 'kind = "jobs"\ntype = "{name}"\nversion = "1"\nlabel = "L"\nentry = ["words"]\n'


@dataclass(frozen=True)
class Served:
    """A running `mesh serve`."""

    process: subprocess.Popen[str]
    url: str

    def get(self) -> dict[str, object]:
        found: dict[str, object] = httpx.get(self.url, timeout=PATIENCE).raise_for_status().json()
        return found

    def wait_for(self, key: str, value: object) -> dict[str, object]:
        deadline = time.monotonic() + PATIENCE
        found: dict[str, object] = {}
        while not found or found[key] != value:
            assert time.monotonic() < deadline, f"{key} is still {found.get(key)!r}"
            with suppress(httpx.RemoteProtocolError):  # the app was stopping when it took the connection
                found = self.get()
            time.sleep(0.02)
        return found

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit code and standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err


@dataclass(frozen=True)
class Host:
    """A small project and its environment."""

    path: Path
    environ: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mesh_cli", "serve", "--port", "0", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.path, env=self.environ, stdout=pipe, stderr=pipe, text=True)

    @contextmanager
    def serve(self, *arguments: str) -> Iterator[Served]:
        process = self.start(*arguments)
        try:
            line = line_of(process)
            found = re.fullmatch(r"serving (http://\S+:[1-9][0-9]*)\n", line)
            assert found, f"{line!r}, exit code {process.poll()}"
            yield Served(process, found[1])
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=PATIENCE)

    def fails(self, *arguments: str) -> str:
        """Standard error of a start that ends with 2."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (2, ""), err
        assert "Traceback" not in err
        return err

    def plugin(self, name: str, word: str) -> None:
        folder = self.path / "plugins" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plugin.toml").write_text(DESCRIPTOR.format(name=name))
        (folder / "words.py").write_text(word)

    def app(self, text: str = APP) -> None:
        (self.path / "app" / "main.py").write_text(text)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    assert ready, "nothing was printed"
    return process.stdout.readline()


def alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
        # Nobody may be there to reap a child whose parent was killed.
        return not Path("/proc").exists() or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def host(tmp_path: Path, database_url: str) -> Host:
    (tmp_path / "mesh.toml").write_text('[project]\nname = "test"\n')
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MESH_", "DATABASE_"))}
    made = Host(tmp_path, environ | {"DATABASE_URL": database_url})
    made.app()
    return made


def test_plugins_come_change_break_and_go_under_a_running_app(host: Host) -> None:
    with host.serve() as served:
        pid = served.wait_for("words", {})["pid"]
        host.plugin("hello", "WORD = 'one'\n")
        served.wait_for("words", {"hello": "one"})
        host.plugin("hello", "WORD = 'two'\n")
        served.wait_for("words", {"hello": "two"})
        host.plugin("hello", "WORD = \n")
        assert served.wait_for("problems", 1)["words"] == {"hello": "two"}
        host.plugin("hello", "WORD = 'three'\n")
        assert served.wait_for("words", {"hello": "three"})["problems"] == 0
        (host.path / "plugins" / "hello").rename(host.path / "plugins" / "_hello")
        assert served.wait_for("words", {})["pid"] == pid, "the app itself was restarted"


def test_a_change_of_the_apps_code_restarts_it_on_the_same_port(host: Host) -> None:
    with host.serve() as served:
        before = served.get()
        host.app(APP.replace('"code": 1', '"code": 2'))
        after = served.wait_for("code", 2)
        assert before["pid"] != after["pid"]
        assert not alive(before["pid"])
        assert line_of(served.process) == f"reloaded after a change of {os.path.join('app', 'main.py')}\n"  # noqa: PTH118


def test_a_new_folder_of_the_app_is_watched_too(host: Host) -> None:
    with host.serve() as served:
        (host.path / "app" / "parts").mkdir()
        (host.path / "app" / "parts" / "one.py").write_text("CODE = 2\n")
        host.app("from app.parts.one import CODE\n" + APP.replace('"code": 1', '"code": CODE'))
        served.wait_for("code", 2)
        (host.path / "app" / "parts" / "one.py").write_text("CODE = 3\n")
        served.wait_for("code", 3)


def test_a_change_that_breaks_the_app_is_told_and_the_next_one_mends_it(host: Host) -> None:
    with host.serve() as served:
        host.app("x = 1\nnonsense\n")
        assert served.process.stderr is not None
        told = ""
        while "waiting for a change" not in told:
            ready, _, _ = select.select([served.process.stderr], [], [], PATIENCE)
            assert ready, told
            told += served.process.stderr.readline()
        assert "app/main.py:2: the app cannot be imported: NameError: name 'nonsense' is not defined" in told
        assert "Traceback" not in told
        host.app(APP.replace('"code": 1', '"code": 4'))
        served.wait_for("code", 4)


def test_tests_specs_caches_and_environments_do_not_restart_the_app(host: Host) -> None:
    folders = ("tests", "specs", ".venv/lib", "env", "node_modules/x", ".mesh/local", "app/__pycache__")
    for name in folders:
        (host.path / name).mkdir(parents=True)
    (host.path / "env" / "pyvenv.cfg").write_text("")
    with host.serve() as served:
        pid = served.get()["pid"]
        for name in folders:
            (host.path / name / "changed.py").write_text("")
        (host.path / "app" / "page.html").write_text("")
        time.sleep(1)
        assert served.get()["pid"] == pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("mode", ["--reload", "--no-reload"])
def test_a_signal_stops_it_cleanly(host: Host, mode: str, number: int) -> None:
    with host.serve(mode) as served:
        pid = served.get()["pid"]
        code, err = served.stop(number)
        assert (code, "Traceback" in err) == (0, False), err
        assert not alive(pid)
        with pytest.raises(httpx.ConnectError):
            served.get()


def test_a_killed_server_leaves_no_child_behind(host: Host) -> None:
    with host.serve("--reload") as served:
        pid = served.get()["pid"]
        served.process.kill()
        deadline = time.monotonic() + PATIENCE
        while alive(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_production_neither_reloads_code_nor_plugins(host: Host) -> None:
    host.environ["MESH_ENV"] = "production"
    host.plugin("hello", "WORD = 'one'\n")
    with host.serve() as served:
        assert served.get()["pid"] == served.process.pid
        host.plugin("hello", "WORD = 'two'\n")
        host.app(APP.replace('"code": 1', '"code": 2'))
        time.sleep(0.5)
        found = served.get()
        assert (found["words"], found["code"]) == ({"hello": "one"}, 1)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os\n1 / 0\n", "app/main.py:2: the app cannot be imported: ZeroDivisionError"),
        ("\n\ndef f(:\n", "app/main.py:3: the app cannot be imported: SyntaxError"),
        ("import sys\nsys.exit(0)\n", "app/main.py:2: the app cannot be imported: it exits the process"),
        ("other = 1\n", "mesh.toml, field serve.app: app.main has no ASGI application 'app'"),
    ],
)
def test_an_app_that_cannot_be_imported_is_told_with_its_line(host: Host, code: str, says: str) -> None:
    host.app(code)
    assert says in host.fails("--no-reload")


def test_an_app_that_is_not_there_is_told(host: Host) -> None:
    (host.path / "mesh.toml").write_text('[project]\nname = "test"\n[serve]\napp = "web.main:app"\n')
    assert "No module named 'web'" in host.fails()


def test_a_failing_start_up_ends_with_2(host: Host) -> None:
    lifespan = "async def boom(app):\n    raise OSError('boom')\n    yield\n"
    host.app(f"from fastapi import FastAPI\n{lifespan}app = FastAPI(lifespan=boom)\n")
    process = host.start("--no-reload")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "OSError: boom" in err
    assert "the app's start-up failed" in err


def test_a_port_in_use_is_told_with_the_remedy(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        err = host.fails("--port", str(taken.getsockname()[1]))
    assert "Address already in use" in err
    assert "--port 0 takes a free one" in err


def test_an_unknown_host_is_told(host: Host) -> None:
    assert "is no address of this machine" in host.fails("--host", "no.such.host.invalid")


def test_it_listens_on_this_machine_only_and_warns_before_more_is_open(host: Host) -> None:
    with host.serve("--no-reload") as served:
        assert served.url.startswith("http://127.0.0.1:")
    with host.serve("--no-reload", "--host", "0.0.0.0") as served:
        _, err = served.stop()
        assert "open to the network" in err


def test_pending_migrations_are_told_and_applied_on_request(host: Host) -> None:
    folder = host.path / "sql" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_app_01_things.sql").write_text("CREATE TABLE things (id bigint);\n")
    err = host.fails()
    assert "20260101000000_app_01_things.sql" in err
    assert "mesh db migrate" in err
    with host.serve("--no-reload", "--migrate") as served:
        _, err = served.stop()
        assert "applied 20260101000000_app_01_things.sql" in err
    with connect(host.environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT to_regclass('things') IS NOT NULL").fetchone() == (True,)


def test_without_a_database_url_the_embedded_server_is_started(host: Host) -> None:
    del host.environ["DATABASE_URL"]
    embedded = EmbeddedServer(host.path / ".mesh" / "local")
    try:
        with host.serve("--no-reload", "--migrate") as served:
            assert served.get()["code"] == 1
            assert embedded.status().running
    finally:
        embedded.stop()


def test_a_database_that_does_not_answer_is_told(host: Host) -> None:
    host.environ["DATABASE_URL"] = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    err = host.fails()
    assert "no connection to the database" in err
    assert "hunter2" not in err
