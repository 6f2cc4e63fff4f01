"""`mesh update`: bring generated code to what its spec and the templates say now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_descriptors.errors import MeshError
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.conflicts import AllowDataLossOption, OnConflictOption, chosen
from mesh_scaffold.cli.names import name_of
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import next_after, show_plan
from mesh_scaffold.cli.verified import Verify, VerifyOption, verified
from mesh_scaffold.formatting import Formatters
from mesh_scaffold.generate.frozen import frozen_migrations
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.update import plan_update
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from mesh_scaffold.plan import Plan

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class WhichTypeError(MeshError):
    """The command line names no type, or one and all."""


@app.command()
def update(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The type whose spec changed.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every type that mesh generated.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when something would change.")
    ] = False,
    on_conflict: OnConflictOption = None,
    allow_data_loss: AllowDataLossOption = False,
    verify: VerifyOption = Verify.REQUIRED,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Bring what was generated to what its spec, and the templates of this mesh, say now.

    What you edited is merged with what changed; where both changed the same, the file gets conflict markers, as from
    git, and the exit code is 1. Fields that were added, renamed, retyped or removed get a migration.
    """
    if every == bool(name):
        raise WhichTypeError("name one type, or say --all", remedy="mesh update poll, or: mesh update --all")
    root, settings = open_project(project)
    target = target_for(settings)
    options = Options(
        chosen(on_conflict, created="abort", changed="markers", ask=not (as_json or dry_run or check)),
        frozen_migrations(root, os.environ),
        allow_data_loss=allow_data_loss,
        formatters=Formatters.of(settings, root),
    )

    def plan() -> Plan:
        tree = Tree(Disk(root))
        made = plan_update(tree, target, settings, name_of(name) if name else None, options)
        return made if check else verified(tree, made, verify, root, settings)

    if check:
        report_unfinished(root)
        _check(plan(), as_json=as_json)
        return
    if dry_run:
        report_unfinished(root)
        made = plan()
    else:
        with changing(root, f"update {name or '--all'}") as commit:
            made = plan()
            commit(made)
    show_plan(made, next_after(made, settings, "mesh check", "pytest"), dry_run=dry_run, as_json=as_json)
    if made.conflicts:
        raise typer.Exit(1)


def _check(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        emit_json({**plan.to_json(), "applied": False})
    else:
        for change in plan.changes:
            say(f"would change {change.path}")
        for problem in plan.conflicts:
            say(f"conflict: {problem}", colour="red")
        say(f"Not up to date. Run: mesh {plan.command}" if plan.changes else "All is up to date.")
    if plan.changes:
        raise typer.Exit(1)
