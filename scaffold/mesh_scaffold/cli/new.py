"""`mesh new`: add a type to the app from its spec."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.options import DryRunOption, JsonOption, ProjectOption
from mesh_descriptors.errors import MeshError
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.conflicts import OnConflictOption, chosen
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.cli.verified import Verify, VerifyOption, verified
from mesh_scaffold.formatting import Formatters
from mesh_scaffold.generate.new import plan_new
from mesh_scaffold.generate.specs import SUFFIX, load_spec, refs_of, spec_path, write_spec
from mesh_scaffold.spec.arguments import ArgumentError, at_arguments, document_of
from mesh_scaffold.spec.findings import SpecError
from mesh_scaffold.spec.write import to_yaml
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.spec.model import PostTypeSpec

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


class NotYetError(MeshError):
    """Asked for what a later version does."""


@app.callback()
def new() -> None:
    """Add a type to the app from its spec."""


@app.command("post-type")
def post_type(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC|NAME", help="A spec's file (specs/poll.yaml), or its name (poll).")
    ],
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:TYPE",
            help="A field of a new spec, which is written first: 'servings:int?', 'options:list[string]', "
            "'level:enum(easy,hard)'. '?' lets it be left out. Repeatable.",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="What people read; goes with --field. Default: from the name.")
    ] = None,
    on_conflict: OnConflictOption = None,
    verify: VerifyOption = Verify.REQUIRED,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Add a post type: enum value, columns, migrations, validator, form, card, feeds, actions, plug-in and test.

    All of it is written, or nothing. A second run changes nothing.
    """
    root, settings = open_project(project)
    target = target_for(settings)
    resolve = chosen(on_conflict, created="abort", changed="abort", ask=not (as_json or dry_run))

    def plan() -> tuple[Plan, PostTypeSpec]:
        tree = Tree(Disk(root))
        read = _spec(tree, root, settings, spec, field or [], label)
        made = plan_new(tree, target, read, settings, Formatters.of(settings, root), resolve)
        return verified(tree, made, verify, root, settings), read

    if dry_run:
        report_unfinished(root)
        made, read = plan()
    else:
        with changing(root, f"new post-type {spec}") as commit:
            made, read = plan()
            commit(made)
    show_plan(made, target.next_steps(read), dry_run=dry_run, as_json=as_json)
    if made.conflicts:
        raise typer.Exit(1)


@app.command("node-type", hidden=True, context_settings={"ignore_unknown_options": True})
def node_type(
    arguments: Annotated[list[str] | None, typer.Argument(help="What a later version reads.")] = None,
) -> None:
    """Add a canvas node type. Not there yet."""
    del arguments
    raise NotYetError("mesh new node-type is not there yet", remedy="This version of mesh generates post-type only.")


@app.command("connector", hidden=True, context_settings={"ignore_unknown_options": True})
def connector(
    arguments: Annotated[list[str] | None, typer.Argument(help="What a later version reads.")] = None,
) -> None:
    """Add a connector. Not there yet."""
    del arguments
    raise NotYetError("mesh new connector is not there yet", remedy="This version of mesh generates post-type only.")


def _spec(
    tree: Tree, root: Path, project: ProjectFile, said: str, fields: list[str], label: str | None
) -> PostTypeSpec:
    """The spec that the command line names or stands for; one that it stands for enters the tree."""
    is_file = said.endswith((SUFFIX, ".yml"))
    if is_file and (fields or label):
        raise ArgumentError("--field and --label write a new spec, and a file is named",
                            remedy="Leave them out, or name the type instead of the file.")  # fmt: skip
    if is_file:
        return load_spec(tree, project, _relative(root, said))
    name = said.replace("-", "_")
    path = spec_path(project, name)
    if not fields:
        if label:
            raise ArgumentError("--label goes with --field", remedy=f"Write the label into {path}.")
        return load_spec(tree, project, path)
    text = to_yaml(document_of(name, fields, label, refs_of(project)))
    try:
        return write_spec(tree, project, path, text)
    except SpecError as error:
        if tree.exists(path):
            raise  # what is wrong may be in that file
        raise at_arguments(error, text, fields) from error


def _relative(root: Path, said: str) -> str:
    """The file as a path in the project: it is looked for here, then in the project's root."""
    here = Path(said).absolute()
    found = here if here.exists() or not (root / said).exists() else root / said
    return Path(os.path.relpath(found.parent.resolve() / found.name, root)).as_posix()
