"""How commands show a plan, before and after it is applied."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from mesh_cli.console import emit_json, in_colour, print_diff, say, warn
from mesh_scaffold.plan import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_scaffold.plan import Plan

COLOURS = {"create": "green", "edit": "yellow", "delete": "red"}


def show_plan(plan: Plan, next_steps: Sequence[str], *, dry_run: bool, as_json: bool) -> None:
    """Print what `plan` does (dry run: the diff) or did (a list), and what comes next."""
    if as_json:
        emit_json({**plan.to_json(), "applied": bool(plan.changes) and not dry_run, "next": list(next_steps)})
        return
    if dry_run:
        _show_diff(plan)
    else:
        for change in plan.changes:
            say(f"{kind_of(change):<8}{change.path}", colour=COLOURS[kind_of(change)])
    for notice in plan.notices:
        say(f"notice: {notice}", err=dry_run)  # so that standard output is the diff and nothing else
    for warning in plan.warnings:
        warn(warning)
    for problem in plan.conflicts:
        say(f"conflict: {problem}", colour="red", err=True)
    if dry_run:
        say(f"{len(plan.changes)} files would change; nothing was written.", err=True)
    elif plan.changes:
        _show_next(next_steps)
    else:
        say("Nothing to do.")


def _show_diff(plan: Plan) -> None:
    if in_colour(sys.stdout):
        print_diff(plan.diff(records=False))  # a person reads it
    else:
        typer.echo(plan.diff(), nl=False)  # byte for byte, for `git apply`


def _show_next(next_steps: Sequence[str]) -> None:
    if next_steps:
        say("\nNext:", bold=True)
        for line in next_steps:
            say(f"  {line}")
