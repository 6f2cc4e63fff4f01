"""`mesh init`: make a new app."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption
from mesh_descriptors.errors import MeshError, Place
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.conflicts import OnConflictOption, chosen
from mesh_scaffold.cli.project import report_unfinished
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.generate.init import plan_init
from mesh_scaffold.tree import Disk, Tree

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class NoFolderError(MeshError):
    """Something else than a folder is where the app is to be made."""


@app.command()
def init(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The app's folder, empty or still to be made.")],
    name: Annotated[str | None, typer.Option(help="What the app is called; default: the folder's name.")] = None,
    on_conflict: OnConflictOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a new app: a small site with three post types, which `mesh new` adds more to.

    Files that are in DIR already stay as they are; when one of them is in the way, nothing is written unless you say
    what happens to it.
    """
    folder = _folder(directory, name)
    root = folder.resolve()
    resolve = chosen(on_conflict, created="abort", changed="abort", ask=not (as_json or dry_run))
    if dry_run:
        report_unfinished(root)
        plan = plan_init(Tree(Disk(root)), name or root.name, resolve=resolve)
    else:
        with changing(root, "init") as commit:
            plan = plan_init(Tree(Disk(root)), name or root.name, resolve=resolve)
            commit(plan)
    show_plan(plan, _next_steps(folder), dry_run=dry_run, as_json=as_json)
    if plan.conflicts:
        raise typer.Exit(1)


def _folder(said: str, name: str | None) -> Path:
    folder = Path(said)
    if not said.strip():
        raise NoFolderError("the folder is empty", remedy="Name one: mesh init my-app; this one is '.'")
    if folder.exists() and not folder.is_dir():
        raise NoFolderError("is a file, a folder was expected", place=Place(said), remedy="Choose another folder.")
    if not (name or folder.resolve().name):
        raise NoFolderError("the root folder has no name for the app", place=Place(said),
                            remedy="Choose another folder, or name the app: --name 'My app'")  # fmt: skip
    return folder


def _next_steps(folder: Path) -> tuple[str, ...]:
    enter = () if folder.resolve() == Path.cwd() else (f"cd {shlex.quote(str(folder))}",)
    return (
        *enter,
        "mesh db migrate      # starts a PostgreSQL of the app's own, and makes the tables",
        "mesh serve           # the app, at http://127.0.0.1:8000",
        "mesh new post-type poll --field question:string --field 'options:list[string]'",
    )
