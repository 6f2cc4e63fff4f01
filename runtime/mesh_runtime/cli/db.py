"""`mesh db`: start, stop, migrate and open the project's database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mesh_cli.console import emit_json, say
from mesh_cli.options import JsonOption, ProjectOption
from mesh_descriptors.project import find_project
from mesh_runtime.database import (
    Applied,
    connect,
    database_url,
    direct_url,
    migrate,
    migration_state,
    pending,
    queries,
    server,
    shown_address,
    sources,
)
from mesh_runtime.database.binaries import environment, psql
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_runtime.database import Migration

app = typer.Typer(
    help="Start, stop, migrate and open the project's database.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

UP_TO_DATE = "The database has every migration."


def _settings(project: Path | None) -> Settings:
    return Settings.load(project or find_project(Path.cwd()))


@app.command()
def up(project: ProjectOption = None) -> None:
    """Start the embedded server and say where it is; does nothing when it runs."""
    settings = _settings(project)
    if settings.database_url:
        connect(settings).close()
        say(f"DATABASE_URL is set and answers: {shown_address(settings.database_url)}. There is nothing to start.")
        return
    already = server(settings).status().running
    url = database_url(settings)
    say(f"The database {'runs already' if already else 'is up'}: {url}")


@app.command()
def down(project: ProjectOption = None) -> None:
    """Stop the embedded server; its data stays."""
    settings = _settings(project)
    stopped = server(settings).stop()
    say("The database is down." if stopped else "The embedded database was not running.")
    if settings.database_url:
        say(f"DATABASE_URL is set; the server at {shown_address(settings.database_url)} was left alone.")


@app.command()
def status(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Say whether the database runs, where, and which migrations it has. Exit code 1: it does not run."""
    settings = _settings(project)
    look = _embedded_status if settings.database_url is None else _external_status
    found = look(settings, as_json=as_json)
    if as_json:
        emit_json(found)
    else:
        for name, value in found.items():
            say(f"{name:<10}  {_shown(value)}")
    if not found["running"] or found.get("problems"):
        raise typer.Exit(1)


@app.command()
def url(project: ProjectOption = None) -> None:
    """Print the database's URL, with its password if it has one; starts the embedded server."""
    typer.echo(database_url(_settings(project)))


@app.command("migrate")
def migrate_command(
    project: ProjectOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Apply the migrations that the database lacks: the runtime's, then the project's own."""
    settings = _settings(project)
    report = _silent if as_json else _report
    with connect(direct_url(settings)) as connection:
        if dry_run:
            _plan(pending(connection, sources(settings)), as_json=as_json)
            return
        done = migrate(connection, sources(settings), report=report)
    if as_json:
        emit_json(
            {
                "dry_run": False,
                "applied": [
                    _entry(item.migration) | {"milliseconds": round(item.seconds * 1000), "late": item.late}
                    for item in done
                ],
            }
        )
    elif not done:
        say(UP_TO_DATE)


@app.command("psql", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql_command(context: typer.Context, project: ProjectOption = None) -> None:
    """Open the database in psql; what follows is passed on, as in: mesh db psql -c 'SELECT 1'."""
    parts = conninfo_to_dict(database_url(_settings(project)))
    variables = environment()
    if password := parts.pop("password", None):
        variables["PGPASSWORD"] = str(password)  # in the command line every user of the machine could read it
    program = psql()
    target = make_conninfo("", **{name: str(value) for name, value in parts.items()})
    os.execve(program, [program, f"--dbname={target}", *context.args], variables)  # noqa: S606  without a shell


def _embedded_status(settings: Settings, *, as_json: bool) -> dict[str, Any]:
    found = server(settings).status()
    own = {"kind": "embedded", "running": found.running, "data": str(found.data), "log": str(found.log)}
    return own | ({"pid": found.pid} | _facts(settings, as_json=as_json) if found.running else {})


def _external_status(settings: Settings, *, as_json: bool) -> dict[str, Any]:
    return {"kind": "DATABASE_URL", "running": True} | _facts(settings, as_json=as_json)


def _facts(settings: Settings, *, as_json: bool) -> dict[str, Any]:
    url = database_url(settings)
    with connect(url) as connection:
        version = connection.info.server_version
        row = connection.execute(queries("migrations")["database_facts"].sql).fetchone()
        assert row is not None, "the query has one row whatever the database holds"
        state = migration_state(connection, sources(settings))
    return {
        "address": shown_address(url),
        "server": f"PostgreSQL {version // 10_000}.{version % 10_000}",
        "database": row[0],
        "bytes": row[1],
        "extensions": row[2],
        "applied": state.applied,
        "pending": [f"{migration.source}/{migration.name}" for migration in state.pending],
        "problems": [problem.to_json() if as_json else str(problem) for problem in state.problems],
    }


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, list):
        return f"\n{'':12}".join(str(part) for part in value) or "none"
    return str(value)


def _entry(migration: Migration) -> dict[str, Any]:
    return {"source": migration.source, "name": migration.name}


def _plan(lacking: Sequence[Migration], *, as_json: bool) -> None:
    if as_json:
        emit_json({"dry_run": True, "pending": [_entry(migration) for migration in lacking]})
        return
    for migration in lacking:
        say(f"would apply {migration.source}/{migration.name}")
    if not lacking:
        say(UP_TO_DATE)


def _report(applied: Applied) -> None:
    migration = applied.migration
    say(f"applied {migration.source}/{migration.name} in {applied.seconds * 1000:.0f} ms")
    if applied.late:
        say("  It is older than others that were applied before it; a branch was merged late.", colour="yellow")


def _silent(_applied: Applied) -> None:
    """With --json, one object is printed at the end."""
