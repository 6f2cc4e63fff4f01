"""`mesh check`: which steps hold for every type, and what else is not in its right place."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_cli.console import PIPED, counted, emit, emit_json, print_table, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_scaffold.apply import changing
from mesh_scaffold.cli.github import workflow_commands
from mesh_scaffold.cli.project import open_project, report_unfinished
from mesh_scaffold.cli.show import show_plan
from mesh_scaffold.cli.verified import Verify, verified
from mesh_scaffold.database import connect, database_url
from mesh_scaffold.enumerations.scan import project_files
from mesh_scaffold.formatting import Formatters
from mesh_scaffold.generate.check import KIND, check, examine
from mesh_scaffold.generate.conflicts import refuse_marked
from mesh_scaffold.generate.fix import COMMAND, plan_fix
from mesh_scaffold.generate.marked import Unmarked
from mesh_scaffold.steps import Holds, Missing, NotApplicable
from mesh_scaffold.targets import target_for
from mesh_scaffold.targets.postgres.asked import Present
from mesh_scaffold.tree import Disk, Tree

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.generate.check import Report
    from mesh_scaffold.generate.matrix import Matrix
    from mesh_scaffold.plan import Plan
    from mesh_scaffold.steps import Target, Verdict

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

LEGEND = "✓ holds   ✗ missing   · not asked of this type   ? cannot be told"


class Format(StrEnum):
    """How the result is printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@app.command("check")
def check_types(
    type_name: Annotated[str | None, typer.Argument(metavar="TYPE", help="Judge this type only.")] = None,
    output: Annotated[
        Format, typer.Option("--format", help="text; json, as --json; github: annotations for its workflows.")
    ] = Format.TEXT,
    as_json: JsonOption = False,
    database: Annotated[
        bool,
        typer.Option("--database", help="Look into the database too: DATABASE_URL, else the project's own server."),
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Take the steps whose fact is missing again, for types that have a spec.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Say for every type which steps hold in the code, and which other places lack it.

    Exit code 1 when something is missing or cannot be told.
    """
    root, settings = open_project(project)
    target, formatters = target_for(settings), Formatters.of(settings, root)
    only = type_name.replace("-", "_").lower() if type_name else None
    output = Format.JSON if as_json else output
    if not fix:
        report_unfinished(root)
    fixed = _fix(root, settings, target, formatters, only) if fix else None
    if fixed is not None and output is Format.TEXT:
        show_plan(fixed, (), dry_run=False, as_json=False)
        say("")
    report = examine(
        Disk(root),
        target,
        settings,
        files=project_files(root),
        only=only,
        formatters=formatters,
        present=_present(root, settings) if database else None,
    )
    _show(report, root, output, fixed)
    if report.findings:
        raise typer.Exit(1)


def _fix(root: Path, settings: ProjectFile, target: Target, formatters: Formatters, only: str | None) -> Plan:
    """Write what is missing and can be made; what was written."""
    with changing(root, COMMAND) as commit:
        looked = Unmarked(Disk(root))
        matrix = check(Tree(looked), target, settings, only)
        refuse_marked(looked.lines)
        tree = Tree(Disk(root))
        plan = plan_fix(tree, target, matrix, KIND, formatters)
        plan = verified(tree, plan, Verify.REQUIRED, root, settings)  # which looks at the plan alone
        commit(plan)
    return plan


def _present(root: Path, settings: ProjectFile) -> Present:
    """What the project's database has; it is only read."""
    with connect(database_url(root, os.environ)) as connection:
        connection.read_only = True
        return Present.read(connection, settings.posts)


def _show(report: Report, root: Path, output: Format, fixed: Plan | None) -> None:
    if output is Format.JSON:
        emit_json(report.to_json() | ({"fixed": fixed.to_json()} if fixed else {}))
    elif output is Format.GITHUB:
        for level, problems in (("error", report.findings), ("notice", report.notices)):
            for line in workflow_commands(root, level, problems):
                emit(line)
    else:
        _show_text(report)


def _show_text(report: Report) -> None:
    matrix = report.matrix
    if _table_width(matrix) <= _room():
        marks = [[step.title, *(_mark(matrix.verdicts[name, step.name]) for name in matrix.types)]
                 for step in matrix.steps]  # fmt: skip
        print_table(["step", *matrix.types], marks)
        say(LEGEND)
    else:
        _show_types(matrix)
    for problem in report.findings:
        say(f"\n{problem}")
    for number, notice in enumerate(report.notices):
        say(f"notice: {notice}" if number else f"\nnotice: {notice}")
    count, types = len(report.findings), counted(len(matrix.types), "type")
    if count:
        say(f"\n{counted(count, 'finding')} in {types}.", colour="red")
    else:
        say(f"\nAll is right in {types}.", colour="green")


def _room() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED


def _table_width(matrix: Matrix) -> int:
    """What the table takes: a column per type, three characters between two."""
    return max(len(step.title) for step in matrix.steps) + sum(len(name) + 3 for name in matrix.types)


def _show_types(matrix: Matrix) -> None:
    """A line for each type, with only what does not hold: too many types stand beside each other in no terminal."""
    names = max(len(name) for name in matrix.types)
    for name in matrix.types:
        marks = ((_mark(matrix.verdicts[name, step.name]), step.title) for step in matrix.steps)
        wrong = ", ".join(f"{mark} {title}" for mark, title in marks if mark in "✗?")
        say(f"{name.ljust(names)}   {wrong or '✓'}")
    say("✓ all holds that is asked of the type   ✗ missing   ? cannot be told")


def _mark(verdict: Verdict) -> str:
    match verdict:
        case Holds():
            return "✓"
        case Missing():
            return "✗"
        case NotApplicable():
            return "·"
    return "?"
