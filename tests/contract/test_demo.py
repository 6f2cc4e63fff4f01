"""The whole product, once, as `mesh demo` shows it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def demo(*arguments: str, temporary: Path) -> subprocess.Popen[str]:
    # A database of the user's own is none of the demo's business.
    environment = os.environ | {"TMPDIR": str(temporary), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    command = [sys.executable, "-m", "mesh_cli", "demo", *arguments]
    return subprocess.Popen(
        command, cwd=temporary, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def processes_in(folder: Path) -> list[str]:
    """Command lines of living processes that name the folder."""
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if str(folder) in line and "pytest" not in line]


@pytest.mark.slow
def test_the_demo_shows_everything_and_leaves_nothing(tmp_path: Path) -> None:
    running = demo("--users", "159", "--json", temporary=tmp_path)
    output, errors = running.communicate(timeout=280)
    assert running.returncode == 0, errors
    result = json.loads(output)
    names = [step["name"] for step in result["steps"]]
    assert names[0] == "mesh init"
    assert names[-1].startswith("mesh candidates")
    assert any(name.startswith("mesh ingest spotify") for name in names)
    assert result["own_group"] >= 0.95
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


@pytest.mark.slow
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path) -> None:
    running = demo("shop", temporary=tmp_path)
    while not (tmp_path / "shop" / ".mesh" / "local" / "postgres").exists():
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == 143
    assert processes_in(tmp_path) == []
    assert (tmp_path / "shop" / "mesh.toml").exists(), "a named folder stays"


def test_a_folder_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    running = demo("taken", temporary=tmp_path)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "taken: is there already" in errors
    assert (tmp_path / "taken" / "notes.txt").read_text() == "mine"
