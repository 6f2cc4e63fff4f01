"""The pipeline at real size: two hundred listeners whose nearest are of their own taste, and 15 MB in little memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from mesh_runtime.discovery.candidates import candidates
from mesh_runtime.ingest import submit
from mesh_runtime.ingest.synthetic import BIG, taste_groups, write_liked_songs

if TYPE_CHECKING:
    from conftest import Pipeline

MEASURED_WORKER = """
import sys
from pathlib import Path
from mesh_cli.main import app
sys.argv = ["mesh", "worker", "--until-empty", "--project", sys.argv[1]]
try:
    app(standalone_mode=False)
finally:
    print(Path("/proc/self/status").read_text())
"""


def test_the_ten_nearest_of_each_listener_are_of_their_own_group(pipeline: Pipeline) -> None:
    listeners = taste_groups(200)
    for listener in listeners:
        path = pipeline.folder / f"{listener.user_id}.json"
        write_liked_songs(path, listener)
        submit(pipeline.settings, pipeline.connection, "spotify", path, listener.user_id)
    pipeline.connection.commit()
    pipeline.work()
    group = {str(listener.user_id): listener.group for listener in listeners}
    same = [
        group[viewer] == group[near.user_id] for viewer in group for near in candidates(pipeline.connection, viewer, 10)
    ]
    assert len(same) == 2_000
    assert sum(same) / len(same) >= 0.95


def test_a_worker_reads_fifteen_megabytes_in_less_than_a_hundred(pipeline: Pipeline) -> None:
    path = pipeline.folder / "big.json"
    write_liked_songs(path, taste_groups(1)[0], BIG)
    assert path.stat().st_size > 15_000_000
    pipeline.submit(path)
    environment = {**os.environ, "DATABASE_URL": str(pipeline.settings.database_url)}
    environment["MESH_STORAGE_URL"] = str(pipeline.settings.storage_url)
    command = [sys.executable, "-c", MEASURED_WORKER, str(pipeline.settings.project)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    peak = re.search(r"VmHWM:\s*(\d+) kB", done.stdout)
    assert peak
    assert int(peak[1]) / 1024 < 100
    assert pipeline.status()[0] == "ready"
