"""The peers: where they are installed, and how one is run. They are no dependencies of mesh."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.queue_speed.bed import answer, start

if TYPE_CHECKING:
    from benchmarks.queue_speed.bed import Bed

_HERE = Path(__file__).with_name("peers")
_PYTHON_PACKAGES = ("procrastinate==3.10.0", "pgqueuer[asyncpg]==1.6.0", "uvloop", "awa-pg==0.6.9")


class MissingPeerError(Exception):
    """It is not installed, or does not run here."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of the others.

    Attributes:
        name: as people know it.
        script: in `peers`.
        setting: the batch, concurrency or queue with which it was fastest here.
        jobs: how many it is measured with; the slow ones keep their rate with fewer.
        latency: the setting for single jobs.
    """

    name: str
    script: str
    setting: int
    jobs: int
    latency: int

    def run(self, bed: Bed, what: str, number: int) -> dict[str, Any]:
        """Run it on a database of its own.

        Raises:
            MissingPeerError: it is not there, or it failed.
        """
        command = _command(self)
        setting = self.latency if what == "latency" else self.setting
        with bed.database(empty=True) as url:
            process = start(
                [*command, str(_HERE / self.script), url, what, str(number), str(setting)],
                NODE_PATH=str(cache() / "node" / "node_modules"),
            )
            try:
                found: dict[str, Any] = answer(process)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                process.kill()
                raise MissingPeerError(f"it does not run here: {error}") from error
            return found


PEERS = (
    Peer("graphile-worker (Node), local queue 500", "graphile_peer.cjs", 500, 100_000, 500),
    Peer("PgQueuer, batch 100", "pgqueuer_peer.py", 100, 50_000, 10),
    Peer("awa, 512 workers", "awa_peer.py", 512, 20_000, 10),
    Peer("procrastinate, concurrency 10", "procrastinate_peer.py", 10, 4_000, 10),
)


def cache() -> Path:
    """Where the peers are installed."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "mesh-bench"


def install() -> None:
    """Install the peers into the cache folder: a virtual environment, and a folder of node modules."""
    subprocess.run([sys.executable, "-m", "venv", str(cache() / "peers")], check=True)
    subprocess.run([str(_python()), "-m", "pip", "install", "--quiet", *_PYTHON_PACKAGES], check=True)
    if shutil.which("npm") is None:
        print("npm is not there: graphile-worker will be missing")
        return
    (cache() / "node").mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "graphile-worker"], check=True, cwd=cache() / "node")


def _python() -> Path:
    return cache() / "peers" / "bin" / "python"


def _command(peer: Peer) -> list[str]:
    if peer.script.endswith(".py"):
        if not _python().exists():
            raise MissingPeerError("python benchmarks/queue.py --install-peers installs it")
        return [str(_python())]
    if (node := shutil.which("node")) is None:
        raise MissingPeerError("Node is not there")
    if not (cache() / "node" / "node_modules" / "graphile-worker").exists():
        raise MissingPeerError("python benchmarks/queue.py --install-peers installs it")
    return [node]
