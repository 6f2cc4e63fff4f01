"""`mesh adopt`: a hand-written type gets a spec and a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.project import open_project
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.generate.adopt import plan_adopt
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from mesh_scaffold.plan import Plan

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("adopt")
def adopt(
    type_name: Annotated[str, typer.Argument(metavar="TYPE", help="The type: recipe or RECIPE.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Write the spec and the record of a hand-written type, from its code. Nothing else changes."""
    root, settings = open_project(project)
    name = type_name.replace("-", "_").lower()
    target = target_for(settings)

    def plan() -> Plan:
        return plan_adopt(Tree(Disk(root)), target, settings, name)

    if dry_run:
        made = plan()
    else:
        with changing(root, f"adopt {name}") as commit:
            made = plan()
            commit(made)
    show_plan(made, (f"mesh check {name}",), dry_run=dry_run, as_json=as_json)
