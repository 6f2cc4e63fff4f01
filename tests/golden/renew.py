"""What the golden files hold, and the command that renews them: python tests/golden/renew.py

Each folder beside this file is a case: `spec.yaml`, and under `project/` every file that `mesh new` creates or edits
for it in a new app, as it is afterwards; `changes.diff` is the same as a reviewer reads it. The clock stands still.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from mesh_descriptors.project import ProjectFile
from mesh_scaffold.generate.init import plan_init
from mesh_scaffold.generate.new import plan_new
from mesh_scaffold.spec.read import read_spec
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Memory, Tree

FOLDER = Path(__file__).parent
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def cases() -> list[str]:
    """The names of the cases."""
    return sorted(path.parent.name for path in FOLDER.glob("*/spec.yaml"))


def new_app() -> dict[str, bytes]:
    """The files of a new app."""
    tree = Tree(Memory({}))
    plan_init(tree, "Golden")
    return {change.path: change.after.content for change in tree.changes() if change.after}


def generated(case: str, app: dict[str, bytes]) -> dict[str, bytes]:
    """The golden files of a case, by path relative to its folder."""
    tree = Tree(Memory(app))
    project = ProjectFile.model_validate(tomllib.loads(app["mesh.toml"].decode()))
    spec = read_spec((FOLDER / case / "spec.yaml").read_bytes(), f"specs/{case}.yaml")
    plan = plan_new(tree, target_for(project, lambda: NOW), spec, project)
    files = {f"project/{change.path}": change.after.content for change in tree.changes() if change.after}
    return {**files, "changes.diff": plan.diff().encode()}


def kept(case: str) -> dict[str, bytes]:
    """The golden files of a case as they are kept."""
    folder = FOLDER / case
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "spec.yaml")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def renew() -> None:
    """Write the golden files anew."""
    app = new_app()
    for case in cases():
        files = generated(case, app)
        shutil.rmtree(FOLDER / case / "project", ignore_errors=True)
        for path, content in files.items():
            file = FOLDER / case / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        sys.stdout.write(f"{case}: {len(files)} files\n")


if __name__ == "__main__":
    renew()
