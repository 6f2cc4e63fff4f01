"""`mesh queue cron`: jobs that come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import YesOption, confirm, queue_database
from mesh_runtime.cli.queue.put import json_object
from mesh_runtime.cli.queue.shown import print_cropped, short_id, span
from mesh_runtime.handlers import all_handlers
from mesh_runtime.queue import admin
from mesh_runtime.queue import cron as queue_cron
from mesh_runtime.queue.admin import ask
from mesh_runtime.queue.cron import Schedule
from mesh_runtime.queue.errors import QueueError
from mesh_runtime.queue.known import jsonable
from mesh_runtime.queue.masking import Mask
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import psycopg

app = typer.Typer(
    help="List and change schedules: jobs that come again.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
ZoneOption = Annotated[
    str, typer.Option("--timezone", metavar="ZONE", help="Whose clock it goes by, such as Europe/Vienna.")
]


class NoSuchScheduleError(QueueError):
    """No schedule has this name."""

    exit_code = 1


@app.command("list")
def list_schedules(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the schedules: when each fires, what it enqueues, and when it last did."""
    with queue_database(project) as connection:
        found = [_shown(row) for row in ask(connection, "schedules")]
        now = admin.now(connection)
    if as_json:
        emit_json({"schedules": jsonable(found)})
    elif found:
        rows = [
            [
                row["name"],
                row["cron"],
                row["timezone"],
                _next(row, now),
                _last(row, now),
                _what(row),
            ]
            for row in found
        ]
        print_cropped(["name", "cron", "zone", "next", "last", "job type"], rows)
    else:
        say("There are no schedules.")


@app.command("set")
def set_schedule(
    name: NameArgument,
    cron: Annotated[str, typer.Argument(help="Minute, hour, day, month, day of week, as in '0 4 * * *'; or @daily.")],
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="The type of the jobs.")],
    payload: Annotated[str, typer.Argument(help="Their payload, a JSON object.")] = "{}",
    timezone: ZoneOption = "UTC",
    priority: Annotated[int, typer.Option(min=0, max=10, help="Ten is the most urgent.")] = 0,
    max_attempts: Annotated[int, typer.Option(min=1, max=1000, help="Then a job is a dead letter.")] = 3,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Make a schedule, or change one that was made here.

    Those of code and plug-ins are changed where they are declared.

    For example: mesh queue cron set nightly_cleanup '30 3 * * *' cleanup_expired --timezone Europe/Vienna
    """
    handler = all_handlers(Settings.load(project)).get(job_type)
    schedule = Schedule(
        name=name,
        cron=cron,
        job=handler or job_type,
        payload=json_object(payload),
        timezone=timezone,
        priority=priority,
        max_attempts=max_attempts,
    )
    with queue_database(project) as connection:
        at = queue_cron.set_schedule(connection, schedule, source="cli")
    if as_json:
        emit_json({"name": name, "next_at": jsonable(at)})
    else:
        say(f"{name} fires next at {at.isoformat(' ', 'minutes')}")


@app.command("remove")
def remove_schedule(
    name: NameArgument, yes: YesOption = False, as_json: JsonOption = False, project: ProjectOption = None
) -> None:
    """Remove a schedule; the jobs that it has enqueued stay.

    For example: mesh queue cron remove nightly_cleanup
    """
    with queue_database(project) as connection:
        row = _found(connection, name)
        confirm(f"The schedule {name} ({row['cron']} {row['job_type']}) will be removed.", "Remove it?", yes=yes)
        ask(connection, "remove_schedule", {"name": name})
    if as_json:
        emit_json({"name": name, "removed": True})
        return
    say(f"{name} removed")
    if row["source"] != "cli":
        say(f"  {row['source']} declares it: it comes back when a worker starts, until it is taken out there.")


@app.command("pause")
def pause_schedule(name: NameArgument, as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Pause a schedule: it does not fire, and what it misses is not made up for.

    For example: mesh queue cron pause nightly_cleanup
    """
    _set_paused(name, paused=True, as_json=as_json, project=project)


@app.command("resume")
def resume_schedule(name: NameArgument, as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Let a paused schedule fire again.

    For example: mesh queue cron resume nightly_cleanup
    """
    _set_paused(name, paused=False, as_json=as_json, project=project)


@app.command("run")
def run_schedule(name: NameArgument, as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """Enqueue a schedule's job now, beside its times, and print the job's id.

    For example: mesh queue cron run nightly_cleanup
    """
    with queue_database(project) as connection:
        _found(connection, name)
        job_id = ask(connection, "run_schedule", {"name": name})[0]["id"]
    if as_json:
        emit_json({"name": name, "id": str(job_id)})
    else:
        typer.echo(job_id)


@app.command("next")
def next_times(
    cron: Annotated[str, typer.Argument(help="The expression, as in '0 4 * * mon'.")],
    timezone: ZoneOption = "UTC",
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=100, help="How many times.")] = 5,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Show the next times that an expression means; nothing is stored.

    For example: mesh queue cron next '30 2 * * sun' --timezone Europe/Vienna
    """
    with queue_database(project) as connection:
        rows = ask(connection, "cron_times", {"cron": cron, "timezone": timezone, "count": count})
    times = [row for row in rows if row["at"] is not None]
    if as_json:
        emit_json({"cron": cron, "timezone": timezone, "times": [jsonable(row["at"]) for row in times]})
        return
    for row in times:
        say(f"{row['local']}  {timezone}")
    if not times:
        say("It never comes.")


def _set_paused(name: str, *, paused: bool, as_json: bool, project: Path | None) -> None:
    with queue_database(project) as connection:
        _found(connection, name)
        ask(connection, "pause_schedule", {"name": name, "paused": paused})
    if as_json:
        emit_json({"name": name, "paused": paused})
    else:
        say(f"{name} {'paused' if paused else 'resumed'}")


def _found(connection: psycopg.Connection[Any], name: str) -> dict[str, Any]:
    rows = ask(connection, "schedules")
    for row in rows:
        if row["name"] == name:
            return row
    known = ", ".join(row["name"] for row in rows) or "none"
    raise NoSuchScheduleError(f"there is no schedule {name!r}", remedy=f"Those that there are: {known}.")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in row.items() if name != "secrets"}
    return own | {"payload": Mask(row["payload"], row["secrets"]).shown_payload()}


def _what(row: dict[str, Any]) -> str:
    problem = f"; could not be enqueued: {row['last_error']}" if row["last_error"] else ""
    return f"{row['job_type']}, by {row['source']}{problem}"


def _next(row: dict[str, Any], now: datetime) -> str:
    if row["paused"]:
        return "paused"
    return f"in {span(row['next_at'] - now)}" if row["next_at"] > now else "due"


def _last(row: dict[str, Any], now: datetime) -> str:
    return f"{span(now - row['last_at'])} ago, {short_id(row['last_job'])}" if row["last_at"] else "never"
