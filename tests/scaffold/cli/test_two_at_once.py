from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Mesh


def test_of_two_commands_at_once_one_waits_and_both_end_right(mesh: Mesh, app: Path) -> None:
    program = str(Path(sys.executable).with_name("mesh"))
    names = ("poll", "quiz", "recipe")
    running = [
        subprocess.Popen([program, "new", "post-type", name, "--field", "title:string"], cwd=app,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for name in names
    ]  # fmt: skip
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    assert mesh(app, "check").returncode == 0
    changes = json.loads(mesh(app, "log", "--json").stdout)["changes"]
    assert sorted(change["command"] for change in changes[:3]) == sorted(f"new post-type {name}" for name in names)
