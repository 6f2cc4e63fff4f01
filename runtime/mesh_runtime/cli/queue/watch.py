"""`mesh queue watch`: the queue, or one job, as it changes."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_cli.console import say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import queue_database
from mesh_runtime.cli.queue.shown import cropped, short_id, span, terminal_width, what
from mesh_runtime.cli.queue.stats import health_lines, stats_lines
from mesh_runtime.queue import admin
from mesh_runtime.queue.admin import NoSuchJobError, find_job, list_jobs, surroundings
from mesh_runtime.queue.figures import overview, queue_health
from mesh_runtime.queue.known import ENDED, JobFilter

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import psycopg

    from mesh_runtime.queue.known import KnownJob

_SHOWN = ("pending", "scheduled", "blocked", "running", "completed", "dead", "cancelled", "superseded")
_FAILURES = 5


def watch_command(
    job: Annotated[
        str | None, typer.Argument(metavar="ID", help="A job to follow until it ends; without it, the whole queue.")
    ] = None,
    interval: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")] = 1.0,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Watch the queue, or one job until it ends.

    On a terminal the picture is redrawn; else each change is a line.

    Ctrl-C ends it. With an ID, the exit code is 0 if the job completes and 1 if it ends otherwise.

    For example: mesh queue watch, or mesh queue watch 42fcbd06
    """
    with suppress(KeyboardInterrupt):
        if job is not None:
            _follow(job, interval, as_json=as_json, project=project)
        elif sys.stdout.isatty() and not as_json:
            _draw(interval, project)
        else:
            _print_changes(interval, as_json=as_json, project=project)


def _draw(interval: float, project: Path | None) -> None:
    from rich.live import Live  # lazily: only a terminal needs it
    from rich.text import Text

    with queue_database(project) as connection, Live(auto_refresh=False, screen=False) as live:
        before: tuple[float, int] | None = None
        while True:
            found = overview(connection)
            now = time.monotonic(), int(found["total"]["completed"])
            lines = [_pace(before, now), "", *stats_lines(found["types"]), ""]
            lines += [*health_lines(found["workers"], queue_health(connection)), *_failures(connection)]
            live.update(Text("\n".join(lines)), refresh=True)
            before = now
            time.sleep(interval)


def _pace(before: tuple[float, int] | None, now: tuple[float, int]) -> str:
    line = f"{time.strftime('%H:%M:%S')}   Ctrl-C ends"
    if before is None:
        return line
    return f"{line}   {(now[1] - before[1]) / (now[0] - before[0]):,.0f} jobs/s completed"


def _failures(connection: psycopg.Connection[Any]) -> list[str]:
    """The newest jobs that have failed and wait, or are dead; secrets are masked."""
    jobs = list_jobs(connection, JobFilter(states=("dead",)), limit=_FAILURES)
    if not jobs:
        return []
    now = admin.now(connection)
    lines = [f"{short_id(job.id)}  {job.job_type}  {what(job, now)}" for job in jobs]
    return ["", "dead letters", *(cropped(line, terminal_width()) for line in lines)]


def _print_changes(interval: float, *, as_json: bool, project: Path | None) -> None:
    last: dict[str, int] | None = None
    with queue_database(project) as connection:
        while True:
            found = overview(connection)
            figures = {name: int(found["total"][name]) for name in _SHOWN} | {"workers": found["workers"]["alive"]}
            if figures != last:
                _print_line(admin.now(connection), figures, last, as_json=as_json)
            last = figures
            time.sleep(interval)


def _print_line(now: datetime, figures: dict[str, int], last: dict[str, int] | None, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"at": now.isoformat()} | figures))
        return
    steps = {name: figures[name] - (last or figures)[name] for name in figures}
    parts = [
        f"{number} {name}" + (f" ({steps[name]:+})" if steps[name] else "")
        for name, number in figures.items()
        if number or steps[name]
    ]
    say(f"{now:%H:%M:%S}  {', '.join(parts) or 'nothing'}")


def _follow(given: str, interval: float, *, as_json: bool, project: Path | None) -> None:
    last: dict[str, Any] | None = None
    with queue_database(project) as connection:
        job = find_job(connection, given)
        while True:
            around = surroundings(connection, job)
            told = {"state": job.state, "attempts": job.attempts, "fraction": around.fraction, "note": around.note}
            if told != last:
                _print_job(job, told, admin.now(connection), as_json=as_json)
            if job.state in ENDED:
                break
            last = told
            time.sleep(interval)
            job = _again(connection, job)
    if job.state != "completed":
        raise typer.Exit(1)


def _again(connection: psycopg.Connection[Any], job: KnownJob) -> KnownJob:
    found = list_jobs(connection, JobFilter(ids=(job.id,)), limit=1)
    if not found:
        raise NoSuchJobError(f"the job {job.id} is gone: somebody has purged it")
    return found[0]


def _print_job(job: KnownJob, told: dict[str, Any], now: datetime, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"at": now.isoformat(), "id": str(job.id)} | told))
        return
    progress = "" if told["fraction"] is None else f"  {told['fraction']:.0%}"
    note = f"  {told['note']}" if told["note"] else ""
    took = f"  took {span(job.ended_at - job.started_at)}" if job.ended_at and job.started_at else f"  {what(job, now)}"
    say(f"{now:%H:%M:%S}  {job.state}{progress}{note}{took}".rstrip())
