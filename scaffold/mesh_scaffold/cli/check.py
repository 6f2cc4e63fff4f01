"""`mesh check`: which steps hold for every type, and which don't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.console import emit_json, print_table, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_scaffold.cli.project import open_project
from mesh_scaffold.generate.check import check
from mesh_scaffold.steps import Holds, Missing, NotApplicable
from mesh_scaffold.targets import target_for
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from mesh_scaffold.generate.check import Matrix
    from mesh_scaffold.steps import Verdict

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

LEGEND = "✓ holds   ✗ missing   · not asked of this type   ? cannot be told"


@app.command("check")
def check_types(
    type_name: Annotated[str | None, typer.Argument(metavar="[TYPE]", help="Judge this type only.")] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Say for every type, hand-written ones included, which steps hold in the code and which don't.

    Exit code 1 when something is missing or cannot be told.
    """
    root, settings = open_project(project)
    only = type_name.replace("-", "_").lower() if type_name else None
    matrix = check(Tree(Disk(root)), target_for(settings), settings, only)
    if as_json:
        emit_json(matrix.to_json())
    else:
        _show(matrix)
    if matrix.findings:
        raise typer.Exit(1)


def _show(matrix: Matrix) -> None:
    rows = [[step.title, *(_mark(matrix.verdicts[name, step.name]) for name in matrix.types)] for step in matrix.steps]
    print_table(["step", *matrix.types], rows)
    say(LEGEND)
    for problem in matrix.findings:
        say(f"\n{problem}")
    count, types = len(matrix.findings), _counted(len(matrix.types), "type")
    if count:
        say(f"\n{_counted(count, 'finding')} in {types}.", colour="red")
    else:
        say(f"\nAll is right in {types}.", colour="green")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _mark(verdict: Verdict) -> str:
    match verdict:
        case Holds():
            return "✓"
        case Missing():
            return "✗"
        case NotApplicable():
            return "·"
    return "?"
