"""`mesh record`: what mesh remembers of a type."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.names import name_of
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.formatting import Formatters
from mesh_scaffold.generate.rebuild import plan_rebuild
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Tree

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def record() -> None:
    """What mesh remembers of a type: its record under .mesh/record."""


@app.command()
def rebuild(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The type, as its spec calls it.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Write a type's record anew, from its spec, the code, and what the record still says.

    For a record that has the conflict markers of a git merge in it. Resolve the other files first.
    """
    root, settings = open_project(project)
    target, formatters, wanted = target_for(settings), Formatters.of(settings, root), name_of(name)
    if dry_run:
        report_unfinished(root)
        plan = plan_rebuild(Tree(Disk(root)), target, settings, wanted, formatters)
    else:
        with changing(root, f"record rebuild {name}") as commit:
            plan = plan_rebuild(Tree(Disk(root)), target, settings, wanted, formatters)
            commit(plan)
    show_plan(plan, (f"mesh update {wanted} --check",), dry_run=dry_run, as_json=as_json)
