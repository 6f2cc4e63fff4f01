"""The project that a command works on."""

from __future__ import annotations

from pathlib import Path

from mesh_descriptors.project import ProjectFile, find_project, read_project


def open_project(folder: Path | None) -> tuple[Path, ProjectFile]:
    """The project's root with links resolved, and its `mesh.toml`.

    Raises:
        NoProjectError: no folder was named, and neither this one nor one above is a project.
        DocumentError: `mesh.toml` is missing there, or is not what it must be.
    """
    root = (folder or find_project(Path.cwd())).resolve()
    return root, read_project(root)
