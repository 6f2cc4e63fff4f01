"""`mesh remove`: take a type out of the app."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.conflicts import AllowDataLossOption, OnConflictOption, chosen
from mesh_scaffold.cli.names import name_of
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import next_after, show_plan
from mesh_scaffold.cli.verified import Verify, VerifyOption, verified
from mesh_scaffold.formatting import Formatters
from mesh_scaffold.generate.frozen import frozen_migrations
from mesh_scaffold.generate.past import Options
from mesh_scaffold.generate.remove import plan_remove
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_scaffold.plan import Plan
    from mesh_scaffold.steps import Retired

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The type, as its spec calls it.")],
    on_conflict: OnConflictOption = None,
    allow_data_loss: AllowDataLossOption = False,
    retire_value: Annotated[
        bool,
        typer.Option("--retire-value", help="Write the migration that takes the value out of the database's enum."),
    ] = False,
    verify: VerifyOption = Verify.REQUIRED,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Take a type that mesh generated out of the app again: its files, and its pieces of shared files.

    What was there before mesh came stays. So does what you edited, unless --on-conflict says otherwise, and it is
    listed. Migrations that others have are not touched: one that leads back is added.
    """
    root, settings = open_project(project)
    target = target_for(settings)
    options = Options(
        chosen(on_conflict, created="keep", changed="keep"),
        frozen_migrations(root, os.environ),
        allow_data_loss=allow_data_loss,
        formatters=Formatters.of(settings, root),
        retire=partial(_retired, root) if retire_value else None,
    )

    def plan() -> Plan:
        tree = Tree(Disk(root))
        made = plan_remove(tree, target, settings, name_of(name), options)
        return verified(tree, made, verify, root, settings)

    if dry_run:
        report_unfinished(root)
        made = plan()
    else:
        with changing(root, f"remove {name}") as commit:
            made = plan()
            commit(made)
    show_plan(made, next_after(made, settings), dry_run=dry_run, as_json=as_json)
    if made.conflicts:
        raise typer.Exit(1)


def _retired(root: Path, enum: str, value: str) -> Retired:
    """The migration that the database's catalogue asks for."""
    from mesh_scaffold.database import connect, database_url  # lazily: only this option looks at a database
    from mesh_scaffold.steps import Retired
    from mesh_scaffold.targets.postgres.retire import retire_value_sql

    with connect(database_url(root, os.environ)) as connection:
        found = retire_value_sql(connection, enum, value)
    return Retired(found.sql, found.notices)
