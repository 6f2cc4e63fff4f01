"""The options that commands of a project share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ProjectOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--project", metavar="DIR", help="The project's folder; default: the nearest with a mesh.toml."),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
DryRunOption: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
