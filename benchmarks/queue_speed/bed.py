"""What a measurement stands on: a durable server, a fresh database, and processes whose answer is JSON."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mesh_descriptors.project import PROJECT_FILE
from mesh_runtime.database import EmbeddedServer, connect, migrate, runtime_source
from mesh_runtime.testing import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

ROOT = Path(__file__).parents[2]
LONGEST = 3600
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class Bed:
    """A server with a migrated database to clone, and a project.

    Attributes:
        server: its URL.
        template: the name of the database that has the migrations.
        project: a folder with a `mesh.toml`.
        quick: small and short, to see that it works.
        runs: of which the median is taken.
        peers: whether to measure the others too.
    """

    server: str
    template: str
    project: Path
    quick: bool
    runs: int
    peers: bool = True

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a new database, with the migrations or without."""
        with fresh_database(self.server, template="template0" if empty else self.template) as url:
            yield url

    def many(self, full: int, quick: int) -> int:
        """How many, in this form."""
        return quick if self.quick else full

    def medians(self, *measures: Callable[[], float]) -> list[float]:
        """The median of so many runs of each; they take turns, so that what else the machine does meets all alike."""
        rounds = [[measure() for measure in measures] for _ in range(self.runs)]
        return [statistics.median(found) for found in zip(*rounds, strict=True)]


@contextmanager
def bed(folder: Path, *, url: str | None, quick: bool, runs: int, peers: bool) -> Iterator[Bed]:
    """Make one in an empty folder.

    Raises:
        SystemExit: the server loses what it has confirmed, so no figure would be worth anything.
    """
    project = folder / "project"
    project.mkdir()
    (project / PROJECT_FILE).write_text('[project]\nname = "bench"\n')
    with _server(folder, url) as server:
        with connect(server) as connection:
            weak = [name for name in DURABLE if connection.execute(f"SHOW {name}".encode()).fetchone() != ("on",)]
        if weak:
            raise SystemExit(f"{', '.join(weak)} must be on")
        with fresh_database(server) as template:
            with connect(template) as connection:
                migrate(connection, (runtime_source(),))
            yield Bed(server, urlsplit(template).path.removeprefix("/"), project, quick, runs, peers)


@contextmanager
def _server(folder: Path, url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with EmbeddedServer(folder / "server").running() as started:
        yield started


def start(command: list[str], **environment: str) -> subprocess.Popen[str]:
    """A process that says READY when it is, does its work, and prints JSON at the end."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | environment,
    )


def child(what: str, *arguments: object) -> subprocess.Popen[str]:
    """Such a process of `client.py`, in this interpreter."""
    return start([sys.executable, "-m", "benchmarks.queue_speed.client", what, *(str(each) for each in arguments)])


def answer(process: subprocess.Popen[str]) -> Any:
    """What the process printed last.

    Raises:
        RuntimeError: it failed.
    """
    output, _ = process.communicate(timeout=LONGEST)
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return json.loads(output.strip().splitlines()[-1])


def wait_ready(process: subprocess.Popen[str]) -> None:
    """Wait until it has said READY."""
    assert process.stdout is not None
    while (line := process.stdout.readline()) and line.strip() != "READY":
        pass


def vacuum(connection: psycopg.Connection[Any]) -> None:
    """Statistics and visibility as on a server that has been up for a while, and no checkpoint amid the run."""
    connection.execute("VACUUM ANALYZE mesh.jobs")
    connection.execute("CHECKPOINT")
