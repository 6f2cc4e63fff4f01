"""`mesh apply`: do what a plan's file says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_descriptors.errors import MeshError, Place
from mesh_descriptors.project import PROJECT_FILE
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import next_after, show_plan
from mesh_scaffold.cli.verified import Verify, VerifyOption, verified
from mesh_scaffold.planfile import makes_project, read_plan, tree_of
from mesh_scaffold.tree import Disk

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class UnreadablePlanError(MeshError):
    """The file with the plan cannot be read."""


@app.command("apply")
def apply_plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What mesh plan wrote; '-' reads standard input.")],
    verify: VerifyOption = Verify.REQUIRED,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Do what a plan says that mesh plan wrote to a file: exactly that, or nothing.

    Every path is checked again, and what is to be written is verified again. When a file that the plan rests on has
    changed since, it is listed, and nothing is written. The plan of a new app makes it in DIR, or here.
    """
    content = _content(file)
    root, settings = _project(project, content)

    def checked() -> Plan:
        read = read_plan(content, str(file), Disk(root))
        return verified(tree_of(read, Disk(root)), read, verify, root, settings) if settings else read

    if dry_run:
        report_unfinished(root)
        plan = checked()
    else:
        with changing(root, f"apply {file.name}") as commit:
            plan = checked()
            commit(plan)
    steps = next_after(plan, settings, "mesh check") if settings else ("mesh db migrate", "mesh serve")
    show_plan(plan, steps, dry_run=dry_run, as_json=as_json)
    if plan.conflicts:
        raise typer.Exit(1)


def _project(folder: Path | None, content: bytes) -> tuple[Path, ProjectFile | None]:
    """The project; of one that the plan itself makes there are only the folder and no settings yet."""
    root = (folder or Path.cwd()).resolve()
    if not (root / PROJECT_FILE).exists() and makes_project(content):
        return root, None
    return open_project(folder)


def _content(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UnreadablePlanError(
            f"cannot be read: {error.strerror}", place=Place(str(file)), remedy="Make one: mesh plan ... -o FILE"
        ) from error
