"""`mesh queue enqueue`: put a job into the queue by hand."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_cli.console import emit_json
from mesh_cli.options import JsonOption, ProjectOption
from mesh_runtime.cli.queue.options import duration, moment, queue_database
from mesh_runtime.handlers import all_handlers
from mesh_runtime.queue import PayloadError, enqueue, register_types
from mesh_runtime.queue.admin import find_job
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg


def enqueue_command(
    job_type: Annotated[str, typer.Argument(metavar="TYPE", help="The job's type: mesh queue types lists them.")],
    payload: Annotated[
        str, typer.Argument(help="A JSON object; - reads it from standard input, which no other process sees.")
    ] = "{}",
    priority: Annotated[int, typer.Option(min=0, max=10, help="Ten is the most urgent.")] = 0,
    delay: Annotated[str | None, typer.Option(metavar="FOR", help="Not before that: 90s, 15m, 1h30m, 2d.")] = None,
    run_at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="Not before then: 2026-05-01T10:00Z.")
    ] = None,
    max_attempts: Annotated[int, typer.Option(min=1, max=1000, help="Then it is a dead letter.")] = 3,
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="Whose job it is.")] = None,
    unique: Annotated[
        str | None, typer.Option("--unique", metavar="KEY", help="While a job of the type has this key, add none.")
    ] = None,
    unique_for: Annotated[
        str | None, typer.Option("--unique-for", metavar="FOR", help="The key holds so long, whatever becomes of it.")
    ] = None,
    debounce: Annotated[
        str | None, typer.Option("--debounce", metavar="KEY", help="Replace the job that waits under this key.")
    ] = None,
    gate: Annotated[str | None, typer.Option("--gate", metavar="KEY", help="The gate that limits it.")] = None,
    after: Annotated[
        list[str] | None, typer.Option("--after", metavar="ID", help="Wait for this job; may be given several times.")
    ] = None,
    after_any: Annotated[
        bool, typer.Option("--after-any", help="Run also if a job that it waits for dies or is cancelled.")
    ] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="FOR", help="How long one attempt may take.")
    ] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Put a job into the queue and print its id. A handler of this project checks the payload first.

    For example: mesh queue enqueue greet '{"name": "you"}' --delay 10m --priority 5
    """
    handler = all_handlers(Settings.load(project)).get(job_type)
    body = json_object(sys.stdin.read() if payload == "-" else payload)
    options: dict[str, Any] = {
        "delay": delay and duration(delay, "--delay"),
        "run_at": run_at and moment(run_at, "--at"),
        "user_id": user,
        "unique_key": unique,
        "unique_for": unique_for and duration(unique_for, "--unique-for"),
        "debounce_key": debounce,
        "gate": gate,
        "after_any": after_any or None,
        "timeout": timeout and duration(timeout, "--timeout"),
    }
    with queue_database(project) as connection:
        register_types(connection, [handler] if handler else [])
        options["after"] = _parents(connection, after)
        given = {name: value for name, value in options.items() if value is not None}
        job_id = enqueue(connection, handler or job_type, body, priority=priority, max_attempts=max_attempts, **given)
    if as_json:
        emit_json({"id": str(job_id), "type": job_type})
    else:
        typer.echo(job_id)


def _parents(connection: psycopg.Connection[Any], after: list[str] | None) -> list[Any] | None:
    return [find_job(connection, given).id for given in after] if after else None


def json_object(text: str) -> Mapping[str, object]:
    """The object that a text of JSON is.

    Raises:
        PayloadError: it is none.
    """
    try:
        found = json.loads(text)
    except ValueError as error:  # its message names the place and not the text, which may hold secrets
        raise PayloadError(f"the payload is no JSON: {error}", remedy="""Write it like '{"name": "you"}'.""") from error
    if not isinstance(found, dict):
        raise PayloadError("the payload is no JSON object", remedy="""Write it like '{"name": "you"}'.""")
    return found
