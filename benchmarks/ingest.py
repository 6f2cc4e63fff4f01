"""Reads one generated export of liked songs in several ways, each in a process of its own: seconds and peak MiB.

    python benchmarks/ingest.py [--songs 4203] [--rounds 3]

Each way yields the id of every song. Of the rounds the fastest is printed; seconds are without imports, the peak is the
whole process's. The last row is the whole pipeline in a `mesh worker`, start included: parse, stage, resolve, embed,
pool, write, on the embedded PostgreSQL. The figures are of one run on one machine: compare them with each other only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = {
    "json.load": (
        "import json",
        """[item["track"]["id"] for item in json.load(open(path, "rb"))["items"]]""",
    ),
    "a worker that holds the blob: pure-Python events, then ids": (
        "import io; from ijson.backends import python as ijson",
        """[item["track"]["id"] for item in ijson.items(io.BytesIO(open(path, "rb").read()), "items.item")]""",
    ),
    "ijson yajl2_c, whole items": (
        "from ijson.backends import yajl2_c as ijson",
        """[item["track"]["id"] for item in ijson.items(open(path, "rb"), "items.item")]""",
    ),
    "mesh: forms, limits, cleaned items with keys": (
        """
from mesh_descriptors.connector import ConnectorManifest
from mesh_descriptors.documents import read_toml
from mesh_runtime.ingest.export import Export, Tally
from mesh_runtime.ingest.limits import Limits
from mesh_runtime.plugins import first_party_folder

manifest = read_toml(first_party_folder() / "spotify" / "connector.toml", ConnectorManifest)
limits = Limits(5 << 30, 200, 1000, 2, 1 << 20, 64)
""",
        """[found.item.ids[0] for found in Export(manifest, open(path, "rb"), path, limits).items(Tally())]""",
    ),
}
FRAME = """
import sys, time
path = sys.argv[1]
{setup}
started = time.perf_counter()
ids = {expression}
seconds = time.perf_counter() - started
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(len(ids), seconds, int(peak) / 1024)
"""
WORKER = """
import sys, time
from mesh_cli.main import app
sys.argv = ["mesh", "worker", "--until-empty", "--project", sys.argv[1]]
started = time.perf_counter()
app(standalone_mode=False)
seconds = time.perf_counter() - started
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(0, seconds, int(peak) / 1024)
"""


def main() -> None:
    """Generate the export, run every way, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--songs", type=int, default=4_203)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "liked.json"
        _generate(path, options.songs)
        print(f"{options.songs:,} liked songs, {path.stat().st_size / 1e6:.1f} MB, CPython {sys.version.split()[0]}\n")
        print(f"{'way':<60} {'seconds':>8} {'peak MiB':>9}")
        for name, (setup, expression) in WAYS.items():
            code = FRAME.format(setup=setup, expression=expression)
            _show(name, [_measured(code, path, options.songs) for _ in range(options.rounds)])
        _show("mesh: the whole pipeline, in a worker", [_pipeline(path, Path(folder))])


def _generate(path: Path, songs: int) -> None:
    from mesh_runtime.ingest.synthetic import BIG, liked_song, taste_groups, write_liked_songs

    listener = taste_groups(1)[0]
    if songs <= BIG:
        write_liked_songs(path, listener, songs)
        return
    catalogue = listener.group.tracks
    with path.open("w") as file:
        file.write('{"href":"x","items":[')
        for number in range(songs):
            track = catalogue[number % len(catalogue)]._replace(album=f"Edition {number}")
            file.write(("," if number else "") + json.dumps(liked_song(track, number), separators=(",", ":")))
        file.write(f'],"limit":{songs},"next":null,"offset":0,"previous":null,"total":{songs}}}')


def _measured(code: str, path: Path, expected: int) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    count, seconds, peak = done.stdout.split()
    assert int(count) in (expected, 0)
    return float(seconds), float(peak)


def _pipeline(path: Path, folder: Path) -> tuple[float, float]:
    project = folder / "project"
    project.mkdir()
    (project / "mesh.toml").write_text('[project]\nname = "benchmark"\n')
    environment = {name: value for name, value in os.environ.items() if not re.match("DATABASE_|MESH_", name)}

    def mesh(*arguments: str) -> None:
        command = [sys.executable, "-m", "mesh_cli", *arguments, "--project", str(project)]
        subprocess.run(command, env=environment, capture_output=True, check=True)

    mesh("db", "migrate")
    try:
        mesh("ingest", "spotify", str(path), "--user", "1", "--no-wait")
        command = [sys.executable, "-c", WORKER, str(project)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        _, seconds, peak = done.stdout.splitlines()[-1].split()
        return float(seconds), float(peak)
    finally:
        mesh("db", "down")


def _show(name: str, rounds: list[tuple[float, float]]) -> None:
    seconds, peak = min(rounds)
    print(f"{name:<60} {seconds:>8.2f} {peak:>9.0f}")


if __name__ == "__main__":
    main()
