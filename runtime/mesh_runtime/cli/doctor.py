"""`mesh doctor`: find what is wrong with a running project, and say what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.doctor_likes import likes_command
from mesh_runtime.cli.queue.options import duration, queue_database
from mesh_runtime.queue.examination import Finding, Limits, examine, recount
from mesh_runtime.queue.known import jsonable

app = typer.Typer(
    help="Find what is wrong with a running project, and say what to do about it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def doctor() -> None:
    """Find what is wrong with a running project, and say what to do about it."""


app.command("likes")(likes_command)


@app.command("queue")
def queue_command(
    open_for: Annotated[
        str, typer.Option("--open-for", metavar="FOR", help="How long a transaction may stay open.")
    ] = "1m",
    held_for: Annotated[str, typer.Option("--held-for", metavar="FOR", help="How long a lease may be held.")] = "1h",
    counts: Annotated[
        bool, typer.Option("--counts", help="Compare the counts with the jobs too: reads every job, also in history.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Count jobs again where the counts are wrong; looks as --counts does.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Look for what slows the queue down: old transactions, dead rows, leases that nobody ends.

    Exit codes: 0 nothing was found, or all of it was repaired; 1 something was; 2 it could not be looked for.
    """
    limits = Limits(open_for=duration(open_for, "--open-for"), held_for=duration(held_for, "--held-for"))
    with queue_database(project) as connection:
        found = left = examine(connection, limits, counts=counts or fix)
        if fix and any(finding.check == "wrong_counts" for finding in found):
            recount(connection)
            left = examine(connection, limits, counts=True)
    if as_json:
        emit_json({"findings": [_entry(finding) for finding in found], "left": len(left)})
    else:
        for finding in found:
            say(str(finding.problem))
        repaired = f", {len(left)} left" if fix and found else ""
        say(f"{len(found)} finding{'s' if len(found) != 1 else ''}{repaired}")
    if left:
        raise typer.Exit(1)


def _entry(finding: Finding) -> dict[str, object]:
    return {"check": finding.check} | finding.problem.to_json() | {"facts": jsonable(finding.facts)}
