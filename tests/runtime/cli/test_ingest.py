"""`mesh ingest` and `mesh candidates` as people run them: real processes, real files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mesh_runtime.database import connect
from mesh_runtime.ingest.synthetic import taste_groups, write_liked_songs

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_runtime.settings import Settings


@dataclass(frozen=True)
class Shell:
    """A shell in the folder of a project."""

    settings: Settings
    folder: Path

    def environment(self, **variables: str) -> dict[str, str]:
        given = {"DATABASE_URL": str(self.settings.database_url), "MESH_STORAGE_URL": str(self.settings.storage_url)}
        return {**os.environ, **given, **variables}

    def mesh(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mesh_cli", *map(str, arguments)]
        return subprocess.run(
            command,
            env=self.environment(**variables),
            cwd=self.settings.project,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def export(self, user: int) -> Path:
        path = self.folder / f"{user}.json"
        write_liked_songs(path, next(each for each in taste_groups(4, 2) if each.user_id == user))
        return path

    def count(self, table: str) -> int:
        with connect(str(self.settings.database_url)) as connection:
            row = connection.execute(f"SELECT count(*) FROM mesh.{table}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        return int(row[0])


@pytest.fixture
def shell(settings: Settings, tmp_path: Path) -> Shell:
    folder = tmp_path / "files"
    folder.mkdir()
    return Shell(settings, folder)


def test_an_export_becomes_a_taste_vector_and_finds_its_like(shell: Shell) -> None:
    for user in (1, 2, 3):
        done = shell.mesh("ingest", "spotify", shell.export(user), "--user", str(user))
        assert done.returncode == 0, done.stderr
    assert "No worker is running, so the jobs run here." in done.stdout
    assert "Taste vector of user 3: version 1, from" in done.stdout
    listed = shell.mesh("candidates", "--user", "1", "-k", "50", "--json")
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    assert found["viewer"] == "1"
    assert [each["user"] for each in found["candidates"]] == ["3", "2"]  # 1 and 3 are of one group
    table = shell.mesh("candidates", "--user", "1", "-k", "1").stdout
    assert "rank" in table
    assert table.splitlines()[-1].split()[1] == "3"


def test_one_page_of_several_is_read_with_a_warning(shell: Shell) -> None:
    path = shell.export(1)
    page = json.loads(path.read_text())
    path.write_text(json.dumps(page | {"total": 1000}))
    done = shell.mesh("ingest", "spotify", path, "--user", 1, "--no-wait")
    assert done.returncode == 0, done.stderr
    assert "warning: the service says that there are 1,000 liked songs: pages are missing" in done.stderr
    path.write_text(json.dumps(page))
    assert "warning" not in shell.mesh("ingest", "spotify", path, "--user", 2, "--no-wait").stderr


def test_a_reader_that_goes_before_the_end_stops_nothing(shell: Shell) -> None:
    command = [sys.executable, "-m", "mesh_cli", "ingest", "spotify", str(shell.export(1)), "--user", "1"]
    reader, writer = os.pipe()
    with subprocess.Popen(command, env=shell.environment(), cwd=shell.settings.project, stdout=writer,
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        os.close(writer)
        os.close(reader)
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait()) == ("", 0)
    assert shell.count("user_taste_vectors") == 1


def test_one_of_a_kind_is_told_in_the_singular(shell: Shell) -> None:
    path = shell.export(1)
    page = json.loads(path.read_text())
    path.write_text(json.dumps(page | {"items": page["items"][:1], "total": 1}))
    done = shell.mesh("ingest", "spotify", path, "--user", 1, "--no-wait")
    assert "kB, 1 liked song; stored." in done.stdout


def test_without_waiting_the_export_is_stored_for_a_worker(shell: Shell) -> None:
    done = shell.mesh("ingest", "spotify", shell.export(1), "--user", "1", "--no-wait", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] is None
    assert report["streams"]["liked_songs"] > 50
    assert shell.count("jobs") == 1
    assert shell.count("user_taste_vectors") == 0
    listed = shell.mesh("candidates", "--user", "1")
    assert listed.returncode == 1
    assert "the taste vector of user 1 is not built yet" in listed.stderr
    assert shell.mesh("worker", "--until-empty").returncode == 0
    assert shell.count("user_taste_vectors") == 1


def test_a_running_worker_is_left_to_do_it(shell: Shell) -> None:
    command = [sys.executable, "-m", "mesh_cli", "worker"]
    with subprocess.Popen(
        command, env=shell.environment(), cwd=shell.settings.project, stderr=subprocess.PIPE
    ) as worker:
        try:
            while not shell.count("workers"):
                assert worker.poll() is None
                time.sleep(0.05)
            done = shell.mesh("ingest", "spotify", shell.export(1), "--user", "1", "--json")
        finally:
            worker.terminate()
            worker.communicate(timeout=30)
    report = json.loads(done.stdout)
    assert report["status"]["taste"]["state"] == "ready"
    assert report["status"]["kept"] == report["status"]["records"]


def test_an_export_without_favourites_ends_well_and_says_why(shell: Shell) -> None:
    empty = shell.folder / "StreamingHistory0.json"
    empty.write_text("[]")
    done = shell.mesh("ingest", "spotify", empty, "--user", "1")
    assert done.returncode == 0
    assert "User 1 has no taste vector: there are no favourites to pool." in done.stdout
    listed = shell.mesh("candidates", "--user", "1")
    assert listed.returncode == 1
    assert "there are no favourites to pool" in listed.stderr


@pytest.mark.parametrize(
    ("content", "arguments", "message", "remedy"),
    [
        ('{"items": [{"added_at"', (), ":1:23: the JSON ends in the middle", "once more"),
        ("Video ID,Song Title\n", (), "looks like YouTube Music", "mesh ingest spotify reads"),
        ("[]", ("--user", "0"), "'0' is not a user id", "a positive whole number such as 42, or a UUID"),
        (None, (), "no such file", "Check the path"),
    ],
)
def test_bad_input_ends_with_two_and_leaves_nothing(
    shell: Shell, content: str | None, arguments: tuple[str, ...], message: str, remedy: str
) -> None:
    path = shell.folder / "export.json"
    if content is not None:
        path.write_text(content)
    done = shell.mesh("ingest", "spotify", path, *(arguments or ("--user", "1")))
    assert done.returncode == 2
    assert message in done.stderr
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.count("raw_files") == shell.count("jobs") == 0


def test_a_folder_an_unknown_connector_and_no_database_are_told_apart(shell: Shell) -> None:
    export = shell.export(1)
    nowhere = "postgresql://user:hidden@127.0.0.1:1/none"
    cases: list[tuple[Any, ...]] = [
        (shell.mesh("ingest", "spotify", shell.folder, "--user", "1"), "is a folder, expected a file"),
        (shell.mesh("ingest", "tidal", export, "--user", "1"), "Connectors here: spotify"),
        (shell.mesh("ingest", "spotify", export, "--user", "1", DATABASE_URL=nowhere), "no connection to the database"),
        (shell.mesh("candidates", "--user", "1", DATABASE_URL=nowhere), "no connection to the database"),
        (shell.mesh("candidates", "--user", "x"), "is not a user id"),
        (shell.mesh("candidates", "--user", "1", "-k", "0"), "greater than or equal to 1"),
    ]
    for done, message in cases:
        assert done.returncode == 2, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert "hidden" not in done.stderr


def test_a_database_without_the_tables_says_how_to_get_them(shell: Shell) -> None:
    with connect(str(shell.settings.database_url)) as connection:
        connection.execute("DROP SCHEMA mesh CASCADE")
    done = shell.mesh("ingest", "spotify", shell.export(1), "--user", "1")
    assert done.returncode == 2
    assert "mesh db migrate" in done.stderr
    assert not list(shell.folder.parent.glob("storage/**/0"))
