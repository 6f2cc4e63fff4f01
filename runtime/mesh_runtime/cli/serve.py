"""`mesh serve`: the project's app over HTTP, with its database, reloading in development."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mesh_cli.console import say, warn
from mesh_cli.options import ProjectOption
from mesh_runtime.cli.serving.listen import is_loopback, listen, url_of
from mesh_runtime.cli.serving.process import Serving, serve
from mesh_runtime.cli.serving.supervisor import serve_and_reload
from mesh_runtime.database import connect, direct_url, migrate, pending, sources
from mesh_runtime.errors import RuntimeFault
from mesh_runtime.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

_NO_CODE = ("tests",)
_NAMED = 3


class PendingMigrationsError(RuntimeFault):
    """The database is behind the code."""


@app.command()
def serve_project(
    project: ProjectOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 8000,
    reload: Annotated[
        bool | None,
        typer.Option("--reload/--no-reload", help="Restart when the app's code changes. Default: in development only."),
    ] = None,
    migrate_first: Annotated[bool, typer.Option("--migrate", help="Apply pending migrations first.")] = False,
) -> None:
    """Serve the app that [serve] of mesh.toml names, until Ctrl-C or SIGTERM.

    Exit codes: 0 it was told to stop; 2 it could not start: a migration is pending, the port in use, the app broken.
    """
    settings = Settings.load(project)
    with listen(host, port) as listening:
        if settings.development and not is_loopback(listening):
            warn("this address is open to the network, and in development the app may trust whoever reaches it")
        _prepare_database(settings, apply=migrate_first)
        announcement = f"serving {url_of(listening)}"
        serving = Serving(settings.project, settings.project_file.serve.app, announcement)
        if settings.development if reload is None else reload:
            raise typer.Exit(serve_and_reload(serving, listening, _unwatched(settings)))
        serve(serving, listening)


def _unwatched(settings: Settings) -> frozenset[Path]:
    """Plug-ins reload by themselves; tests and specs are no part of the running app."""
    paths = settings.project_file.paths
    return frozenset(settings.project / name for name in (*paths.plugins, paths.specs, *_NO_CODE))


def _prepare_database(settings: Settings, *, apply: bool) -> None:
    with connect(direct_url(settings), application_name="mesh serve") as connection:
        ordered = sources(settings)
        if apply:
            migrate(connection, ordered, report=lambda done: say(f"applied {done.migration.name}", err=True))
        waiting = pending(connection, ordered)
    if waiting:
        names = ", ".join(one.name for one in waiting[:_NAMED])
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        raise PendingMigrationsError(
            f"the database is behind the code; not applied: {names}{more}",
            remedy="Run mesh db migrate, or start with --migrate.",
        )
