"""`mesh queue list`, `show`, `types`, `workers`: look at the queue and change nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import (
    ErrorOption,
    SinceOption,
    StatesOption,
    TypesOption,
    UserOption,
    chosen,
    queue_database,
    states,
)
from mesh_runtime.cli.queue.shown import count, print_cropped, print_jobs, span, what
from mesh_runtime.queue import admin
from mesh_runtime.queue.admin import ask, find_job, list_jobs, surroundings
from mesh_runtime.queue.figures import queue_stats
from mesh_runtime.queue.known import LIVE, JobFilter, jsonable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mesh_runtime.queue.known import KnownJob, Surroundings

_FIRST_COLUMN = 13


def list_command(
    types: TypesOption = None,
    state: StatesOption = None,
    since: SinceOption = None,
    error: ErrorOption = None,
    user: UserOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """List jobs, the newest first.

    Fields of a payload that its model marks as secret are masked, and wherever else their values stand.

    For example: mesh queue list --state dead --since 1d --error timeout
    """
    with queue_database(project) as connection:
        wanted = chosen(connection, types=types, among=states(state), when=since, error=error, user=user)
        jobs = list_jobs(connection, wanted, limit=limit)
        now = admin.now(connection)
    if as_json:
        emit_json({"jobs": [job.to_json() for job in jobs]})
    elif jobs:
        print_jobs(jobs, now)
        if len(jobs) == limit:
            say(f"The newest {limit}; more with --limit.")
    else:
        say("There are no jobs." if wanted == JobFilter() else "No job matches.")


def show_command(
    job: Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its last (or first) letters.")],
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Show all that is known of a job.

    Each failed attempt is shown with its traceback; secrets are masked.

    For example: mesh queue show 42fcbd06
    """
    with queue_database(project) as connection:
        found = find_job(connection, job)
        around = surroundings(connection, found)
        now = admin.now(connection)
    if as_json:
        emit_json(found.to_json() | around.to_json())
        return
    for name, value in (*_facts(found, now), *_relations(around, now)):
        say(f"{name:<{_FIRST_COLUMN}}{value}")
    for attempt in found.errors:
        say("")
        say(f"attempt {attempt.get('attempt')} at {attempt.get('at')}", bold=True)
        say(str(attempt.get("traceback") or attempt.get("error")).rstrip())


def types_command(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the job types.

    Of each: how many jobs wait and run, how many workers run it, whether it is paused, and its secret fields.
    """
    with queue_database(project) as connection:
        found = ask(connection, "types")
        figures = queue_stats(connection)
    live = {row["job_type"]: sum(row[state] for state in LIVE) for row in figures}
    if as_json:
        emit_json({"types": [jsonable(row) | {"live": live[row["name"]]} for row in found]})
        return
    rows = [
        [row["name"], _state(row, live[row["name"]]), count(live[row["name"]]), count(row["workers"]), _secret(row)]
        for row in found
    ]
    print_cropped(["type", "state", "live", "workers", "secret fields"], rows, right=["live", "workers"])


def workers_command(as_json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the worker processes.

    Of each: what it does, how many jobs it holds, since when it runs, and which types.
    """
    with queue_database(project) as connection:
        found = ask(connection, "workers")
        now = admin.now(connection)
    if as_json:
        emit_json({"workers": [jsonable(row) for row in found]})
    elif found:
        rows = [
            [
                row["name"],
                _doing(row),
                count(row["jobs"]),
                span(now - row["started_at"]),
                ", ".join(sorted(row["types"])),
            ]
            for row in found
        ]
        print_cropped(["worker", "state", "jobs", "up", "types"], rows, right=["jobs", "up"])
    else:
        say("No worker runs. Start one: mesh worker")


def _facts(job: KnownJob, now: datetime) -> Iterator[tuple[str, object]]:
    yield "id", job.id
    yield "type", job.job_type if job.payload_version == 1 else f"{job.job_type}, version {job.payload_version}"
    yield "state", f"{job.state}  {what(job, now)}".rstrip()
    yield "priority", job.priority
    failed = "failed" if job.state not in ("completed", "running") else "made"
    yield "attempts", f"{job.attempts} {failed}" + (f", at most {job.max_attempts}" if job.max_attempts else "")
    optional = {
        "rescues": job.rescues or None,
        "user": job.user_id,
        "unique key": job.unique_key,
        "debounce key": job.debounce_key,
        "gate": job.gate,
        "timeout": job.timeout_ms and span(job.timeout_ms / 1000),
        "parents": job.parents and ", ".join(map(str, job.parents)),
        "created": job.created_at.isoformat(" ", "milliseconds"),
        "runs from" if job.state == "scheduled" else "ready": job.run_at and job.run_at.isoformat(" ", "milliseconds"),
        "started": job.started_at and job.started_at.isoformat(" ", "milliseconds"),
        "ended": job.ended_at and job.ended_at.isoformat(" ", "milliseconds"),
        "lease": job.token,
        "payload": json.dumps(job.payload, ensure_ascii=False),
        "result": None if job.result is None else json.dumps(job.result, ensure_ascii=False),
    }
    yield from ((name, value) for name, value in optional.items() if value is not None)


def _relations(around: Surroundings, now: datetime) -> Iterator[tuple[str, object]]:
    if around.fraction is not None or around.note:
        done = "" if around.fraction is None else f"{around.fraction:.0%}  "
        yield "progress", f"{done}{around.note or ''}".strip()
    if around.requested_at:
        yield "cancelled", f"asked for {span(now - around.requested_at)} ago; its worker has yet to end it"
    if around.waits_for:
        yield "waits for", ", ".join(map(str, around.waits_for))
    if around.waited_for_by:
        yield "before", ", ".join(map(str, around.waited_for_by))


def _state(row: dict[str, Any], live: int) -> str:
    if row["paused"]:
        return "paused"
    return "no worker" if live and not row["workers"] else "open"


def _secret(row: dict[str, Any]) -> str:
    return ", ".join(row["secrets"])


def _doing(row: dict[str, Any]) -> str:
    if not row["alive"]:
        return "lost"
    return "idle" if row["idle"] and not row["jobs"] else "busy" if row["jobs"] else "awake"
