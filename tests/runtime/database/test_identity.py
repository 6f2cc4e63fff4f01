"""As whom the embedded server runs: root's two ways around PostgreSQL's refusal, and an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from mesh_runtime.database import EmbeddedServer
from mesh_runtime.database.binaries import Identity
from mesh_runtime.database.cluster import Cluster
from mesh_runtime.database.sockets import socket_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder that only root may enter."""
    folder = Path(tempfile.mkdtemp(dir="/root", prefix=".mesh-test-"))
    yield folder
    shutil.rmtree(folder)


def namespaces() -> bool:
    return Identity(f"namespace:{NOBODY.pw_uid}:{NOBODY.pw_gid}").refusal(Path("/root")) is None


def owners(folder: Path) -> set[int]:
    return {entry.lstat().st_uid for entry in (folder, *folder.rglob("*"))}


@pytest.mark.skipif(not namespaces(), reason="user namespaces are forbidden here")
def test_in_a_namespace_every_file_stays_roots(private: Path) -> None:
    server = EmbeddedServer(private / "local", durable=False)
    try:
        with psycopg.connect(server.start()) as connection:
            connection.execute("CREATE TABLE kept (answer int)")
        assert owners(private) == {0}
        pid = server.status().pid
        effective = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "CapEff" in line)
        assert int(effective.split()[1], 16) == 0
    finally:
        server.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="capabilities are Linux's")
def test_without_namespaces_it_runs_as_nobody_in_a_folder_that_stays_private(private: Path) -> None:
    cluster = Cluster(private, durable=False)
    identity = Identity(f"capabilities:{NOBODY.pw_uid}:{NOBODY.pw_gid}", (NOBODY.pw_uid, NOBODY.pw_gid))
    server = EmbeddedServer(private, durable=False)
    cluster.initialise(identity)
    cluster.run(identity, socket_folder(cluster.data))
    try:
        with psycopg.connect(server.start()) as connection:
            connection.execute("CREATE TABLE kept (answer int)")
        assert owners(cluster.data) == {NOBODY.pw_uid}
        assert cluster.data.stat().st_mode & 0o077 == 0
        assert private.stat().st_mode & 0o777 == 0o700
        assert private.stat().st_uid == 0
        processes = Path(f"/proc/{server.status().pid}/status").read_text().splitlines()
        effective = next(line for line in processes if "CapEff" in line)
        assert int(effective.split()[1], 16) == 0b10  # to pass through folders, nothing else
        assert server.stop()
        # The next start sees whose the data is, and keeps to it.
        with psycopg.connect(server.start()) as connection:
            connection.execute("SELECT * FROM kept")
    finally:
        server.stop()


@pytest.mark.skipif(not namespaces(), reason="user namespaces are forbidden here")
@pytest.mark.parametrize(("users", "outcome"), [(65536, "42"), (1, "RefusedIdentityError")])
def test_where_namespaces_are_forbidden_it_takes_the_other_way_or_says_that_there_is_none(
    private: Path, users: int, outcome: str
) -> None:
    """In a container: a namespace in which no further one may be made, and which has the user nobody or has it not."""
    script = (
        "import ctypes, sys; from pathlib import Path; ctypes.CDLL(None).unshare(0x10000000)\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "Path('/proc/sys/user/max_user_namespaces').write_text('0')\n"
        "import psycopg; from mesh_runtime.database import EmbeddedServer\n"
        "from mesh_runtime.database.binaries import RefusedIdentityError\n"
        "try:\n"
        "    with EmbeddedServer(Path(sys.argv[1]), durable=False).running() as url:\n"
        "        with psycopg.connect(url) as connection: print(connection.execute('SELECT 42').fetchone()[0])\n"
        "except RefusedIdentityError as error: print('RefusedIdentityError', error)\n"
    )
    command = [sys.executable, "-c", script, str(private / "local")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as container:
        assert container.stdout is not None
        assert container.stdout.readline() == "ready\n"
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{container.pid}/{kind}").write_text(f"0 0 {users}")
        said, _ = container.communicate("go\n")
    assert said.startswith(outcome)


def test_an_identity_that_cannot_be_taken_on_says_why() -> None:
    refusal = Identity("namespace:-5:-5").refusal(Path("/root"))
    assert refusal is not None
    assert "namespace:-5:-5" in refusal


def as_user(uid: int, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as an ordinary user, who may pass through root's folders to reach it."""
    return Identity(f"capabilities:{uid}:{uid}").run([sys.executable, "-c", script, *arguments])


def test_an_ordinary_user_runs_it_as_themself() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mesh-test-"))
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_uid)
    script = (
        "import sys; from pathlib import Path; from mesh_runtime.database import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1]), durable=False)\n"
        "import psycopg\n"
        "with psycopg.connect(server.start()) as connection: print(connection.execute('SELECT 42').fetchone()[0])\n"
        "server.stop()\n"
    )
    try:
        done = as_user(NOBODY.pw_uid, script, str(folder))
        assert done.stdout == "42\n", done.stderr
        assert owners(folder) == {NOBODY.pw_uid}
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(f"/tmp/mesh-{NOBODY.pw_uid}", ignore_errors=True)


def test_with_no_folder_for_the_socket_the_error_names_each_place() -> None:
    uid = 4_000_000
    taken = Path(f"/tmp/mesh-{uid}")
    taken.mkdir()
    script = (
        "from pathlib import Path; from mesh_runtime.database.sockets import *\n"
        "try: socket_folder(Path('/anywhere'))\n"
        "except SocketFolderError as error: print(error)\n"
    )
    try:
        done = as_user(uid, script)
    finally:
        taken.rmdir()
    assert f"{taken}: is not a folder of your own" in done.stdout, done.stderr
    assert "XDG_RUNTIME_DIR" in done.stdout
