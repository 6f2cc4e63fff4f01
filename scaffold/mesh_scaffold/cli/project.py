"""The project that a command works on, and the options that every such command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mesh_descriptors.project import ProjectFile, find_project, read_project

ProjectOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--project", metavar="DIR", help="The project's folder; default: the nearest with mesh.toml."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
DryRunOption: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Show the diff and write nothing.")]


def open_project(folder: Path | None) -> tuple[Path, ProjectFile]:
    """The project's root with links resolved, and its `mesh.toml`.

    Raises:
        NoProjectError: no folder was named, and neither this one nor one above is a project.
        DocumentError: `mesh.toml` is missing there, or is not what it must be.
    """
    root = (folder or find_project(Path.cwd())).resolve()
    return root, read_project(root)
