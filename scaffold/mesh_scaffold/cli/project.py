"""The project that a command works on."""

from __future__ import annotations

from pathlib import Path

from mesh_cli.console import warn
from mesh_descriptors.errors import MeshError
from mesh_descriptors.project import PathsSection, ProjectFile, find_project, read_project
from mesh_scaffold.journal import UNDO
from mesh_scaffold.recovery import unfinished


def open_project(folder: Path | None) -> tuple[Path, ProjectFile]:
    """The project's root with links resolved, and its `mesh.toml`.

    Raises:
        NoProjectError: no folder was named, and neither this one nor one above is a project.
        DocumentError: `mesh.toml` is missing there, or is not what it must be.
    """
    root = (folder or find_project(Path.cwd())).resolve()
    return root, read_project(root)


def open_changed(folder: Path | None) -> tuple[Path, str]:
    """The root of a project that mesh changed, and its folder of migrations.

    `mesh.toml` is a file like any other here: it may be missing or damaged because of what is to be taken back.

    Raises:
        NoProjectError: no folder was named, and neither this one nor one above is a project or was one.
    """
    here = Path.cwd()
    changed = next((above for above in (here, *here.parents) if (above / UNDO).is_dir()), None)
    root = (folder or changed or find_project(here)).resolve()
    try:
        return root, read_project(root).paths.migrations
    except MeshError:
        return root, PathsSection().migrations


def report_unfinished(root: Path) -> None:
    """Say which changes were interrupted; commands that only read leave them as they are."""
    for line in unfinished(root):
        warn(line)
