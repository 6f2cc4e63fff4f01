"""`mesh ingest`: read a user's export of favourites into their taste vector."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_cli.console import emit_json, progress, say, warn
from mesh_cli.options import JsonOption, ProjectOption
from mesh_descriptors.errors import Place
from mesh_runtime.cli.drain import Drain, drained
from mesh_runtime.cli.ready import migrated_database
from mesh_runtime.errors import RuntimeFault
from mesh_runtime.handlers import all_handlers
from mesh_runtime.ingest import Checked, Submitted, check, store
from mesh_runtime.ingest.status import STEPS, SyncStatus, live_workers, sync_status
from mesh_runtime.settings import Settings

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

JOB_TYPES = ("ingest_export", "resolve_media", "build_taste_vector")
_PAUSE = 0.05
_LOOK_FOR_WORKERS = 5.0


class IngestFailedError(RuntimeFault):
    """The export was stored, and a job that reads it has failed."""


@app.command()
def ingest(
    connector: Annotated[str, typer.Argument(metavar="CONNECTOR", help="Whose export it is, such as spotify.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .json file of the export, or a .zip of them.")],
    user: Annotated[str, typer.Option("--user", metavar="ID", help="The user: a positive number or a UUID.")],
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Store and enqueue only; a worker does the rest later.")
    ] = False,
    as_json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Read a user's export of favourites into their taste vector.

    The file is read from end to end first; if anything is wrong with it, nothing is stored. Then it is stored as it
    came, and jobs do the rest: a running `mesh worker` takes them, else they run here.

    Exit codes: 0 done; 2 the file, the user id or the database is not as it must be.
    """
    settings = Settings.load(project)
    checked = _checked(settings, connector, file, user)
    with migrated_database(settings, "mesh ingest") as connection:
        submitted = store(settings, connection, checked)
        connection.commit()
        if not as_json:
            _say_stored(submitted)
        status = None if no_wait else _followed(settings, connection, submitted, quiet=as_json)
    if as_json:
        emit_json(_report(submitted, status))
    elif status is None:
        say("A worker reads it next: mesh worker")
    else:
        _say_done(checked, status)
    if status is not None and status.state == "failed":
        raise IngestFailedError(
            f"the export was stored, but not read: {status.problem}",
            place=Place(str(file)),
            remedy="Nothing of the user has changed. Run the command again when the cause is gone.",
        )


def _checked(settings: Settings, connector: str, file: Path, user: str) -> Checked:
    size = file.stat().st_size if file.is_file() else None
    with progress("checking", size, unit="bytes") as advance:
        return check(settings, connector, file, user, advance)


def _followed(
    settings: Settings, connection: psycopg.Connection[Any], submitted: Submitted, *, quiet: bool
) -> SyncStatus:
    """Wait until the vector is built; as long as no worker lives somewhere else, by running the jobs here."""
    drain: Drain | None = None
    step, look_again = 0, 0.0
    with progress("reading into the taste vector", len(STEPS) - 1) as advance, ExitStack() as running:
        while not (status := _status(connection, submitted)).ended:
            if drain is None and time.monotonic() >= look_again:
                look_again = time.monotonic() + _LOOK_FOR_WORKERS
                drain = _drain_unless_worked(settings, connection, running, quiet=quiet)
            if drain is not None and drain.error is not None:
                raise drain.error
            now = STEPS.index(status.state)
            advance(now - step)
            step = now
            time.sleep(_PAUSE)
        return status


def _drain_unless_worked(
    settings: Settings, connection: psycopg.Connection[Any], running: ExitStack, *, quiet: bool
) -> Drain | None:
    if live_workers(connection, JOB_TYPES):
        return None
    if not quiet:
        say("No worker is running, so the jobs run here.")
    handlers = {name: handler for name, handler in all_handlers(settings).items() if name in JOB_TYPES}
    return running.enter_context(drained(settings, handlers))


def _status(connection: psycopg.Connection[Any], submitted: Submitted) -> SyncStatus:
    status = sync_status(connection, submitted.sync_id)
    if status is None:
        raise IngestFailedError("the sync is gone: somebody deleted it", remedy="Run the command again.")
    return status


def _say_stored(submitted: Submitted) -> None:
    checked = submitted.checked
    found = ", ".join(_counted(count, stream) for stream, count in checked.records.items())
    before = " (the same file was stored before)" if submitted.stored_before else ""
    size = f"{checked.size / 1e6:,.1f} MB" if checked.size >= 1e6 else f"{checked.size / 1e3:,.1f} kB"
    say(f"{checked.path.name}: {size}, {found or 'no records'}; stored{before}.")
    for stream, total in checked.announced.items():
        if total > checked.records.get(stream, 0):
            said = f"the service says that there are {_counted(total, stream)}"
            warn(f"{said}: pages are missing. A file with all replaces this.")


def _counted(count: int, stream: str) -> str:
    """How many of a stream, whose name is a plural: `2 liked songs`, `1 liked song`."""
    name = stream.replace("_", " ")
    return f"{count:,} {name.removesuffix('s') if count == 1 else name}"


def _say_done(checked: Checked, status: SyncStatus) -> None:
    for reason, count in (status.skipped or {}).items():
        say(f"  {count:,} {reason}")
    if status.taste == "ready":
        say(f"Taste vector of user {checked.user_id}: version {status.vector_version}, from {status.media:,} media.")
        say(f"Next: mesh candidates --user {checked.user_id}")
    elif status.state == "built":
        say(f"User {checked.user_id} has no taste vector: {status.reason}.", colour="yellow")


def _report(submitted: Submitted, status: SyncStatus | None) -> dict[str, Any]:
    checked = submitted.checked
    found = {"user": checked.user_id, "connector": checked.connector, "file": str(checked.path), "size": checked.size}
    stored = {"sync": str(submitted.sync_id), "job": str(submitted.job_id), "stored_before": submitted.stored_before}
    return found | {"streams": checked.records} | stored | {"status": status.to_json() if status else None}
