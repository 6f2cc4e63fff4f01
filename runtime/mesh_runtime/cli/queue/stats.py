"""`mesh queue stats`: the queue in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_cli.console import counted, emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import queue_database
from mesh_runtime.cli.queue.shown import compact, laid_out, span
from mesh_runtime.queue.figures import overview, queue_health
from mesh_runtime.queue.known import LIVE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_runtime.queue.figures import Health

_COLUMNS = {
    "pend": "pending",
    "sched": "scheduled",
    "block": "blocked",
    "run": "running",
    "dead": "dead",
    "done/m": "completed_per_minute",
    "fail/m": "failed_per_minute",
}
_MAY_LACK = {"sched", "block"}
"""Columns that are left out where they hold nothing but zeros, so that the others have room."""


def stats_command(
    every: Annotated[bool, typer.Option("--all", help="List the types too of which there is nothing.")] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Show the queue in figures.

    How many jobs of each type are where, how fast they end, and whether the queue is well. Rates and
    durations are those of the last hour.
    """
    with queue_database(project) as connection:
        found = overview(connection)
        health = queue_health(connection)
    if as_json:
        emit_json(found | {"healthy": health.healthy, "reasons": health.reasons})
        return
    for line in (*stats_lines(found["types"], every=every), "", *health_lines(found["workers"], health)):
        say(line)


def stats_lines(types: Sequence[Mapping[str, Any]], *, every: bool = False) -> list[str]:
    """The table, one line for each type that has had jobs, and one for all of them."""
    rows = [row for row in types if every or row["enqueued"] or row["paused"] or any(row[name] for name in LIVE)]
    if not rows:
        return ["There have been no jobs."]
    shown = {head: name for head, name in _COLUMNS.items() if head not in _MAY_LACK or any(row[name] for row in rows)}
    table = [
        [
            f"{row['job_type']} (paused)" if row["paused"] else row["job_type"],
            *(compact(row[name]) for name in shown.values()),
            span(row["mean_ms"] / 1000) if row["mean_ms"] is not None else "-",
            span(row["oldest_pending_seconds"]),
        ]
        for row in rows
    ]
    if len(rows) > 1:
        table.append(["all", *(compact(sum(row[name] for row in rows)) for name in shown.values()), "", ""])
    return laid_out(["type", *shown, "mean", "oldest"], table)


def health_lines(workers: Mapping[str, int], health: Health) -> list[str]:
    """Who works, and what is wrong."""
    number = workers["alive"]
    held = counted(workers["jobs"], "job")
    line = f"{counted(number, 'worker')}, {workers['idle']} idle, {held} held." if number else "No workers."
    return [f"{line} The queue is well." if health.healthy else f"{line} Not well:", *map(_reason, health.reasons)]


def _reason(reason: Mapping[str, Any]) -> str:
    about = " ".join(str(reason[name]) for name in ("reason", "job_type") if reason.get(name))
    how = [
        *([counted(reason["jobs"], "job")] if reason.get("jobs") else []),
        *([f"for {span(float(reason['seconds']))}"] if reason.get("seconds") else []),
    ]
    return f"  {about}: {reason.get('detail')}" + (f" ({', '.join(how)})" if how else "")
