"""How commands show a plan, before and after it is applied."""

from __future__ import annotations

import sys
import tempfile
from typing import TYPE_CHECKING

from mesh_cli.console import counted, emit, emit_json, in_colour, print_diff, say, warn
from mesh_scaffold.plan import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_descriptors.project import ProjectFile
    from mesh_scaffold.plan import Plan

COLOURS = {"create": "green", "edit": "yellow", "delete": "red"}
LONG = 1000
"""How many lines of a diff a terminal gets; a longer one goes to a file."""


def show_plan(plan: Plan, next_steps: Sequence[str], *, dry_run: bool, as_json: bool) -> None:
    """Print what `plan` does (dry run: the diff) or did (a list), and what comes next."""
    if as_json:
        emit_json({**plan.to_json(), "applied": bool(plan.changes) and not dry_run, "next": list(next_steps)})
        return
    if dry_run:
        _show_diff(plan)
    else:
        _show_list(plan)
    for notice in plan.notices:
        say(f"notice: {notice}", err=dry_run)  # so that standard output is the diff and nothing else
    for warning in plan.warnings:
        warn(warning)
    for problem in plan.conflicts:
        say(f"conflict: {problem}", colour="red", err=True)
    if dry_run:
        say(f"{counted(len(plan.changes), 'file')} would change; nothing was written.", err=True)
    elif plan.changes:
        _show_next(next_steps)
    else:
        say("Nothing to do.")


def next_after(plan: Plan, project: ProjectFile, *others: str) -> tuple[str, ...]:
    """What comes after the plan: `mesh db migrate` first, if it writes a migration."""
    folder = f"{project.paths.migrations}/"
    writes = any(change.path.startswith(folder) and change.after is not None for change in plan.changes)
    return ("mesh db migrate", *others) if writes else others


def _show_diff(plan: Plan) -> None:
    if in_colour(sys.stdout):
        _show_to_a_person(plan)
    else:
        emit(plan.diff(), newline=False)  # byte for byte, for `git apply`


def _show_to_a_person(plan: Plan) -> None:
    diff = plan.diff(records=False)
    if (length := diff.count("\n")) <= LONG:
        print_diff(diff)
        return
    with tempfile.NamedTemporaryFile(prefix="mesh-", suffix=".diff", delete=False) as file:
        file.write(diff.encode("utf-8"))
    _show_list(plan)
    say(f"\nThe diff has {length:,} lines; it is in {file.name}", bold=True)


def _show_list(plan: Plan) -> None:
    for change in plan.changes:
        say(f"{kind_of(change):<8}{change.path}", colour=COLOURS[kind_of(change)])


def _show_next(next_steps: Sequence[str]) -> None:
    if next_steps:
        say("\nNext:", bold=True)
        for line in next_steps:
            say(f"  {line}")
