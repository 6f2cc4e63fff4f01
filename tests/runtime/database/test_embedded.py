from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from mesh_runtime.database import EmbeddedServer
from mesh_runtime.database.cluster import ServerStartError
from mesh_runtime.database.postmaster import Postmaster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START = "import sys; from pathlib import Path; from mesh_runtime.database import EmbeddedServer; "
START += "print(EmbeddedServer(Path(sys.argv[1]), durable=False).start())"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Makes servers in folders below the test's own, and stops them after the test."""
    made: list[EmbeddedServer] = []

    def make(name: str = "local") -> EmbeddedServer:
        made.append(EmbeddedServer(tmp_path / name, durable=False))
        return made[-1]

    yield make
    for server in made:
        server.stop()


def one(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def pid_of(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def kill(server: EmbeddedServer) -> None:
    os.kill(pid_of(server), signal.SIGKILL)
    while server.status().running:  # the signal is on its way
        time.sleep(0.01)


def test_it_starts_stops_and_keeps_its_data(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    assert not server.status().running
    url = server.start()
    assert server.status().running
    assert server.status().url == url
    one(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert server.stop()
    assert not server.status().running
    assert not server.stop()
    assert server.start() == url
    assert one(url, "SELECT answer FROM kept") == 42


def test_starting_twice_is_one_server(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    assert server.start() == EmbeddedServer(server.folder).start()
    pid = pid_of(server)
    server.start()
    assert pid_of(server) == pid


def test_only_the_owner_reaches_it(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    url = server.start()
    assert one(url, "SHOW listen_addresses") == ""
    postmaster = Postmaster.read(server.status().data)
    assert postmaster is not None
    assert postmaster.socket_folder is not None
    for folder in (server.status().data, postmaster.socket_folder, postmaster.socket_folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == os.geteuid()
    (socket,) = postmaster.socket_folder.glob(".s.PGSQL.5432")
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700


def test_no_folder_above_changes_its_mode(serve: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    before = [folder.stat().st_mode for folder in (private, *tmp_path.parents)]
    assert one(serve("private/project/.mesh/local").start(), "SELECT 1") == 1
    assert [folder.stat().st_mode for folder in (private, *tmp_path.parents)] == before


def test_its_folder_is_ignored_by_git(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    server.start()
    assert (server.folder / ".gitignore").read_text() == "*\n"


def test_text_is_utf_8_and_trigrams_see_every_script(serve: Callable[..., EmbeddedServer]) -> None:
    url = serve().start()
    one(url, "CREATE EXTENSION pg_trgm")
    assert one(url, "SHOW server_encoding") == "UTF8"
    assert one(url, "SELECT lower('ÄÖ')") == "äö"
    assert one(url, "SELECT similarity('東京事変', '東京事変')") == 1.0
    assert one(url, "SELECT 'b' < 'a' COLLATE \"C\"") is False


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "quo'te",
        'dou"ble',
        "$(touch pwned)",
        "`id`",
        "semi;colon",
        "ünï-東京",
        "comma,comma",
        "%41",
        "-D",
        "new\nline",
    ],
)
def test_hostile_folder_names_are_only_names(
    serve: Callable[..., EmbeddedServer], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = serve(f"{name}/.mesh/local")
    assert one(server.start(), "SELECT 1") == 1
    assert server.start() == server.status().url
    assert server.stop()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_path_longer_than_a_sockets_may_be_works(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve("/".join(["a" * 60] * 5))
    assert one(server.start(), "SELECT 1") == 1


def test_a_server_is_found_again_through_another_path(serve: Callable[..., EmbeddedServer], tmp_path: Path) -> None:
    server = serve()
    url = server.start()
    (tmp_path / "link").symlink_to(tmp_path / "local")
    linked = EmbeddedServer(tmp_path / "link")
    assert linked.start() == url
    assert linked.stop()


def test_two_processes_that_start_at_once_share_one_server(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    command = [sys.executable, "-c", START, str(server.folder)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    urls = {starter.communicate()[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert urls == {server.status().url}


def test_it_outlives_the_command_that_started_it_and_its_terminal(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    starter = subprocess.Popen([sys.executable, "-c", START, str(server.folder)], start_new_session=True)
    assert starter.wait() == 0
    assert os.getsid(pid_of(server)) != starter.pid
    with pytest.raises(ProcessLookupError):  # as Ctrl-C in the terminal would
        os.killpg(starter.pid, signal.SIGINT)
    assert one(server.start(), "SELECT 1") == 1


def test_a_command_killed_while_it_starts_leaves_something_that_can_be_started(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()
    for delay in (0.2, 0.3, 0.4, 0.5, 0.6):
        starter = subprocess.Popen([sys.executable, "-c", START, str(server.folder)], stdout=subprocess.DEVNULL)
        time.sleep(delay)
        starter.kill()
        starter.wait()
    assert one(server.start(), "SELECT 1") == 1


def test_a_killed_server_is_started_again_with_its_data(serve: Callable[..., EmbeddedServer]) -> None:
    server = EmbeddedServer(serve().folder)  # durable, as outside of tests
    url = server.start()
    one(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    for _ in range(3):
        kill(server)
        assert server.start() == url
        assert one(url, "SELECT answer FROM kept") == 42


def test_a_killed_server_whose_session_still_computes_is_waited_for(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    url = server.start()
    busy = psycopg.connect(url, autocommit=True)
    busy.execute("SET statement_timeout = 3000")
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10000000000)")
    kill(server)
    assert server.start() == url
    assert one(url, "SELECT 1") == 1
    busy.close()


@pytest.mark.parametrize(
    "left", ["", "garbage", "1\n", "{mine}\n/elsewhere\n1\n5432\n/nowhere\n\n\nready\n", "99999999\n"]
)
def test_a_stale_pid_file_is_survived(serve: Callable[..., EmbeddedServer], left: str) -> None:
    server = serve()
    url = server.start()
    server.stop()
    (server.status().data / "postmaster.pid").write_text(left.format(mine=os.getpid()))
    assert not server.status().running
    assert not server.stop()
    assert server.start() == url
    assert one(url, "SELECT 1") == 1


def test_a_running_server_whose_socket_was_swept_away_is_restarted(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    url = server.start()
    pid = pid_of(server)
    postmaster = Postmaster.read(server.status().data)
    assert postmaster is not None
    assert postmaster.socket_folder is not None
    for entry in postmaster.socket_folder.iterdir():
        entry.unlink()
    postmaster.socket_folder.rmdir()
    assert not server.status().running
    assert server.start() == url
    assert one(url, "SELECT 1") == 1
    assert pid_of(server) != pid


def test_stopping_ends_open_sessions_and_leaves_no_socket(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    url = server.start()
    postmaster = Postmaster.read(server.status().data)
    assert postmaster is not None
    assert postmaster.socket_folder is not None
    session = psycopg.connect(url)
    assert server.stop()
    assert not postmaster.socket_folder.exists()
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    session.close()


def test_data_of_another_version_is_refused_with_the_way_out(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    server.start()
    server.stop()
    (server.status().data / "PG_VERSION").write_text("14\n")
    with pytest.raises(ServerStartError, match=r"made by PostgreSQL 14; the embedded server is PostgreSQL 18"):
        server.start()


def test_a_folder_that_is_no_data_folder_is_refused(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    server.status().data.mkdir(parents=True)
    with pytest.raises(ServerStartError, match="is not a PostgreSQL data folder") as caught:
        server.start()
    assert "Move it out of the way" in str(caught.value)


def test_when_it_does_not_start_the_end_of_its_log_is_shown(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    server.start()
    server.stop()
    with (server.status().data / "postgresql.conf").open("a") as conf:
        conf.write("max_connections = many\n")
    with pytest.raises(ServerStartError) as caught:
        server.start()
    message = str(caught.value)
    assert message.startswith(str(server.status().log))
    assert 'invalid value for parameter "max_connections": "many"' in message
    assert "DATABASE_URL" in message
    assert not server.status().running


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("mine")
    with pytest.raises(ServerStartError, match="local"):
        EmbeddedServer(tmp_path / "local").start()
    assert (tmp_path / "local").read_text() == "mine"


def test_a_server_for_a_while_ends_with_the_process_that_wanted_it(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    script = (
        "import sys, time; from pathlib import Path; from mesh_runtime.database import EmbeddedServer\n"
        "with EmbeddedServer(Path(sys.argv[1]), durable=False).running() as url:\n"
        "    print(url, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(server.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert one(process.stdout.readline().strip(), "SELECT 1") == 1
        assert server.status().running
        process.kill()
    deadline = time.monotonic() + 10
    while server.status().running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not server.status().running
    assert one(server.start(), "SELECT 1") == 1


def test_a_server_for_a_while_is_gone_after_its_body(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    with server.running() as url:
        assert one(url, "SELECT 1") == 1
    assert not server.status().running
    with pytest.raises(ZeroDivisionError), server.running():
        raise ZeroDivisionError
    assert not server.status().running


def test_a_disk_that_is_full_while_the_data_is_made_says_so_and_leaves_nothing_in_the_way(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); {START}"
    failed = subprocess.run(
        [sys.executable, "-c", limited, str(server.folder)], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert "ServerStartError" in failed.stderr
    assert "the database's folder could not be made" in failed.stderr
    assert "Free space or give rights there" in failed.stderr
    assert not server.status().data.exists()
    assert one(server.start(), "SELECT 1") == 1


def test_a_long_log_is_put_aside_once(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()
    server.folder.mkdir()
    server.status().log.write_bytes(b"x" * 11_000_000)
    server.start()
    assert server.status().log.stat().st_size < 100_000
    assert (server.folder / "postgres.log.1").stat().st_size == 11_000_000
