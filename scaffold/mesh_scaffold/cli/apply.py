"""`mesh apply`: do what a plan's file says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.planfile import read_plan
from mesh_scaffold.tree import Disk

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class UnreadablePlanError(MeshError):
    """The file with the plan cannot be read."""


@app.command("apply")
def apply_plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What mesh plan wrote; '-' reads standard input.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Do what a plan says that mesh plan wrote to a file: exactly that, or nothing.

    Every path is checked again. When a file that the plan was made from has changed since, it is listed, and nothing is
    written.
    """
    root, _ = open_project(project)
    content = _content(file)
    if dry_run:
        report_unfinished(root)
        plan = read_plan(content, str(file), Disk(root))
    else:
        with changing(root, f"apply {file.name}") as commit:
            plan = read_plan(content, str(file), Disk(root))
            commit(plan)
    show_plan(plan, ("mesh check",), dry_run=dry_run, as_json=as_json)
    if plan.conflicts:
        raise typer.Exit(1)


def _content(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UnreadablePlanError(
            f"cannot be read: {error.strerror}", place=Place(str(file)), remedy="Make one: mesh plan ... -o FILE"
        ) from error
