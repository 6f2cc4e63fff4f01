"""`mesh undo`: take the last change back, or any other."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.conflicts import OnConflictOption, chosen
from mesh_scaffold.cli.project import open_changed, report_unfinished
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.generate.undo import UndoError, plan_undo
from mesh_scaffold.history import history
from mesh_scaffold.tree import Disk, Tree

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def undo(
    said: Annotated[
        str | None, typer.Argument(metavar="ID", help="Which change, as mesh log lists them; default: the last.")
    ] = None,
    on_conflict: OnConflictOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Take back what a command of mesh did to the project's files: the last one, or the one with that ID.

    A second undo takes back the change before. An undo is a change too: mesh undo with its ID brings all back. Files
    that were edited since are listed, and nothing is written, unless --on-conflict says what is to happen to them.
    """
    number = _number(said)
    root, migrations = open_changed(project)
    resolve = chosen(on_conflict, created="abort", changed="abort", ask=not (as_json or dry_run))
    if dry_run:
        report_unfinished(root)
        made = plan_undo(Tree(Disk(root)), root, number, resolve, migrations)
    else:
        with changing(root, f"undo {number or ''}".rstrip()) as commit:
            made = plan_undo(Tree(Disk(root)), root, number, resolve, migrations)
            commit(made)
    undone = bool(made.changes) and not dry_run
    again = (f"mesh undo {history(root)[-1].id}      # brings it back",) if undone else ()
    show_plan(made, again, dry_run=dry_run, as_json=as_json)
    if made.conflicts:
        raise typer.Exit(1)


def _number(said: str | None) -> int | None:
    if said is not None and not said.isdecimal():
        raise UndoError(f"{said!r} is no ID of a change", remedy="mesh log lists the changes with their IDs.")
    return int(said) if said else None
